//go:build oracle

package compile_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"autodeeplab/compile"
	"autodeeplab/onnx"
)

// checkAll is what ONNX's own checker is asked to do: full_check also runs its shape inference in strict mode.
const checkAll = `
import glob, sys, onnx
found = 0
for path in sorted(glob.glob(sys.argv[1] + "/*.onnx")):
    onnx.checker.check_model(onnx.load(path), full_check=True)
    found += 1
print(onnx.__version__, "accepts", found, "models")
`

// TestONNXChecker lets the checker of Debian's python3-onnx judge what the compiler writes: S, M and L in both forms,
// sizes fixed (odd and even) and dynamic, and every opset that it knows.
func TestONNXChecker(t *testing.T) {
	dir := t.TempDir()
	written := 0
	save := func(name string, o compile.Options) {
		t.Helper()
		if err := onnx.Save(filepath.Join(dir, name+".onnx"), mustCompile(t, o), onnx.SaveOptions{}); err != nil {
			t.Fatal(err)
		}
		written++
	}
	for _, form := range []compile.Form{compile.TrainingForm, compile.InferenceForm} {
		for _, size := range compile.Sizes {
			save(fmt.Sprintf("%s-%v", size.Name, form), compile.Options{Filters: size.Filters, Classes: 19, Height: 513, Width: 513, Batch: 1, Form: form})
		}
		for _, hw := range [][2]int{{769, 769}, {1025, 2049}, {512, 1024}, {321, 577}, {129, 129}, {0, 0}} {
			save(fmt.Sprintf("%dx%d-%v", hw[0], hw[1], form), compile.Options{Filters: 3, Classes: 2, Height: hw[0], Width: hw[1], Batch: hw[0] % 2, Form: form})
		}
		for opset := compile.OldestOpset; opset <= 17; opset++ {
			save(fmt.Sprintf("opset%d-%v", opset, form), compile.Options{Filters: 3, Classes: 2, Batch: 1, Form: form, Opset: opset})
		}
	}
	out, err := exec.Command(python(), "-c", checkAll, dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%d written: %s", written, out)
}

// python is the interpreter that has ONNX: Debian's own, whatever else comes first in PATH.
func python() string {
	if p := os.Getenv("AUTODEEPLAB_PYTHON"); p != "" {
		return p
	}
	return "/usr/bin/python3"
}
