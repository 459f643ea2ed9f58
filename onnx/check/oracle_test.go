//go:build oracle

package check

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"autodeeplab/internal/testenv"
	"autodeeplab/onnx"
)

// strictHeader begins the findings about headers that ONNX's own test data have and its checker accepts: operator
// sets before op.OldestOpset, and a few models that were written while their operator set was not yet released.
var strictHeader = []string{
	"the model imports ai.onnx ", "the model does not import the default operator set", "ir_version is 5, but operator set 11",
}

// TestONNXTestData: ONNX's own models are right, so Model may find nothing in those whose operators and types this
// project knows.
func TestONNXTestData(t *testing.T) {
	models, known := 0, 0
	err := filepath.WalkDir(testenv.ONNXTestData(t), func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".onnx" {
			return err
		}
		models++
		m, err := onnx.Load(path, onnx.LoadOptions{})
		if err != nil {
			return err
		}
		var lines []string
		for _, f := range Model(m, Options{}) {
			s := f.String()
			if strings.Contains(s, "unknown operator") || strings.Contains(s, "is no dense tensor") || strings.Contains(s, "which is not supported") {
				return nil
			}
			for _, prefix := range strictHeader {
				if strings.HasPrefix(s, prefix) {
					return nil
				}
			}
			lines = append(lines, s)
		}
		known++
		if len(lines) > 0 {
			t.Errorf("%s:\n    %s", path, strings.Join(lines, "\n    "))
		}
		return nil
	})
	if err != nil || models < 1000 || known < 300 {
		t.Fatalf("%d models, %d of them of known operators, %v", models, known, err)
	}
	t.Logf("%d models, %d of them of known operators", models, known)
}
