package compile_test

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"autodeeplab/compile"
	"autodeeplab/compile/pass"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// nodeLines are the lines of a model's text form that describe its nodes.
func nodeLines(t testing.TB, m *onnx.Model) []string {
	t.Helper()
	m = &onnx.Model{IrVersion: m.IrVersion, OpsetImport: m.OpsetImport, Graph: pass.Copy(m).Graph}
	m.Graph.Initializer = nil
	var b strings.Builder
	if err := onnx.Format(&b, m, onnx.TextOptions{}); err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(b.String(), " {\n")
	body, _, ok := strings.Cut(body, "\n}")
	if !ok {
		t.Fatalf("no nodes in\n%s", b.String())
	}
	return strings.Split(body, "\n")
}

// without gives the lines of a that are not in b, each as often as it is missing there.
func without(a, b []string) []string {
	have := make(map[string]int)
	for _, line := range b {
		have[line]++
	}
	var out []string
	for _, line := range a {
		if have[line]--; have[line] < 0 {
			out = append(out, line)
		}
	}
	return out
}

// TestGoldenPasses holds what each pass does to the network S: the nodes that it takes out and puts in, and a digest of
// all of them, opt-in passes included; of fold-batchnorm, which changes 240 places alike, the digest alone. The last
// section is the graph that remains, with one cell of the twelve, which halves the resolution.
func TestGoldenPasses(t *testing.T) {
	m := mustCompile(t, compile.Options{Filters: 20, Classes: 19, Height: 129, Width: 129, Batch: 1, Seed: 1})
	var b strings.Builder
	section := func(name string, m *onnx.Model, before []string) []string {
		lines := nodeLines(t, m)
		fmt.Fprintf(&b, "after %s: %d nodes, %d initializers, sha256 %.16x\n", name, len(m.Graph.Node), len(m.Graph.Initializer), sha256.Sum256([]byte(strings.Join(lines, "\n"))))
		if before == nil {
			return lines
		}
		for _, line := range without(before, lines) {
			fmt.Fprintln(&b, "-", strings.TrimSpace(line))
		}
		for _, line := range without(lines, before) {
			fmt.Fprintln(&b, "+", strings.TrimSpace(line))
		}
		return lines
	}
	lines := section("lower", m, nil)
	names := 0
	err := pass.Run(m, pass.All, func(name string, m *onnx.Model) error {
		names++
		if name == "fold-batchnorm" {
			lines = section(name, m, nil)
			return nil
		}
		lines = section(name, m, lines)
		return nil
	})
	if err != nil || names != len(pass.All) {
		t.Fatal(names, err)
	}
	fmt.Fprintln(&b, "the graph, of the cells cell3 alone:")
	for _, line := range lines {
		if name := strings.TrimLeft(line, ` ["`); !strings.HasPrefix(name, "cell") || strings.HasPrefix(name, "cell3/") {
			fmt.Fprintln(&b, strings.TrimSpace(line))
		}
	}
	golden(t, "passes.golden", b.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	a, b := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Fatalf("%s differs from line %d (go test -update writes it):\ngot  %s\nwant %s", name, i+1, a[i], b[i])
		}
	}
	t.Fatalf("%s: %d lines, want %d", name, len(a), len(b))
}

// TestPassesKeepValues runs the network after each pass, opt-in ones included, and holds how far the logits move: not at
// all where a pass only moves data, and by rounding where it adds the same products in another order.
func TestPassesKeepValues(t *testing.T) {
	keepValues(t, runtime.Embedded, map[string]float64{"fold-batchnorm": 1e-5, "pooled-bias": 1e-5, "fold-normalization": 1e-5, "integer-resize": 1e-5, "upsampled-conv": 1e-5})
}

// keepValues compares the logits after each pass with those before, as a share of their range; those of most are to stay
// the same bits.
func keepValues(t *testing.T, e runtime.Engine, most map[string]float64) {
	for _, size := range [][2]int{{65, 97}, {64, 70}, {0, 0}} {
		h, w := size[0], size[1]
		if testing.Short() && h == 64 {
			continue
		}
		o := compile.Options{Filters: 4, Classes: 5, Height: h, Width: w, Batch: 1, Seed: 7}
		if h == 0 {
			h, w = 65, 97
		}
		m := mustCompile(t, o)
		referenceStatistics(t, m)
		image, _ := picture(1, h, w)
		before := tensor.Data[float32](runOn(t, e, m, image))
		low, high := math.Inf(1), math.Inf(-1)
		for _, v := range before {
			low, high = min(low, float64(v)), max(high, float64(v))
		}
		err := pass.Run(pass.Copy(m), pass.All, func(name string, m *onnx.Model) error {
			after := tensor.Data[float32](runOn(t, e, m, image))
			worst := 0.0
			for i, v := range after {
				worst = max(worst, math.Abs(float64(v)-float64(before[i]))/(high-low))
			}
			t.Logf("%d×%d, %s: %.1e of the range %.3g", size[0], size[1], name, worst, high-low)
			if !(worst <= most[name]) {
				t.Errorf("%d×%d: %s moves the logits by %.1e of their range, want at most %.0e", size[0], size[1], name, worst, most[name])
			}
			before = after
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestUpsampledConv compares a convolution of enlarged maps with itself before the pass: by other factors on the two axes,
// with a bias and without, alone, beside another part, and two in one convolution that shares its kernel.
func TestUpsampledConv(t *testing.T) {
	const x, u = `float[2,3,3,4] x`, `u = Resize <mode = "linear", coordinate_transformation_mode = "align_corners"> (x, , , s)`
	for _, graph := range []string{
		`g (` + x + `) => (float[2,2,7,10] y) <int64[4] s = {2, 3, 7, 10}> { ` + u + `  y = Conv <pads = [1, 1, 1, 1]> (u, w, b) }`,
		`g (` + x + `) => (float[2,2,5,4] y) <int64[4] s = {2, 3, 5, 4}> { ` + u + `  y = Conv <pads = [1, 1, 1, 1]> (u, w) }`, // by 2 × 1: too little
		`g (` + x + `) => (float[2,2,3,16] y) <int64[4] s = {2, 3, 3, 16}> { ` + u + `  y = Conv <pads = [1, 1, 1, 1]> (u, w) }`,
		`g (` + x + `) => (float[2,2,9,7] y) <int64[4] s = {2, 3, 9, 7}> { ` + u + `  l = Tanh (u)  c = Concat <axis = 1> (l, u)  y = Conv <pads = [1, 1, 1, 1]> (c, w2, b) }`,
		`g (` + x + `) => (float[2,2,9,7] y, float[2,2,9,7] z) <int64[4] s = {2, 3, 9, 7}>
		 { ` + u + `  n = Neg (x)  v = Resize <mode = "linear", coordinate_transformation_mode = "align_corners"> (n, , , s)
		   c = Concat <axis = 1> (u, v)  y = Conv <pads = [1, 1, 1, 1]> (c, w2, b)  l = Tanh (v)  d = Concat <axis = 1> (l, v)  z = Conv <pads = [1, 1, 1, 1]> (d, w2) }`,
	} {
		m := foreign(t, "17", graph)
		noise := func(seed uint32, shape ...int) *tensor.Tensor {
			data := make([]float32, must(tensor.NumElems(shape)))
			for i := range data {
				seed = seed*1664525 + 1013904223
				data[i] = float32(seed>>8)/(1<<23) - 1
			}
			return tensor.Of(data, shape...)
		}
		m.Graph.Initializer = append(m.Graph.Initializer, onnx.Encode("w", noise(1, 2, 3, 3, 3)), onnx.Encode("w2", noise(2, 2, 6, 3, 3)), onnx.Encode("b", noise(3, 2)))
		image := noise(4, 2, 3, 3, 4)
		before := planesOf(runOn(t, runtime.Embedded, m, image))
		table := must(pass.Select(nil, []string{"upsampled-conv"}))
		if err := pass.Run(m, table, nil); err != nil {
			t.Fatal(err)
		}
		agree(t, graph, runOn(t, runtime.Embedded, m, image), before)
		if got, want := strings.Contains(strings.Join(nodeLines(t, m), " "), "ConvTranspose"), !strings.Contains(graph, "{2, 3, 5, 4}"); got != want {
			t.Errorf("%s: rewritten %t, want %t", graph, got, want)
		}
	}
}

// TestDump holds that the passes asked for are printed, and the graph before them.
func TestDump(t *testing.T) {
	m := mustCompile(t, compile.Options{Filters: 1, Classes: 2, Height: 65, Width: 65, Batch: 1})
	var b bytes.Buffer
	mustDeploy(t, m, compile.DeployOptions{Passes: compile.PassOptions{DumpAfter: []string{compile.BeforePasses, "pooled-bias"}, Dump: &b, Check: true}})
	text := b.String()
	if n := strings.Count(text, "\n// after "); !strings.HasPrefix(text, "// after lower\n") || n != 1 {
		t.Fatalf("%d dumps more; %.200s", n, text)
	}
	before, after, _ := strings.Cut(text, "// after pooled-bias\n")
	if strings.Contains(before, "aspp/project/pooled") || !strings.Contains(after, `"aspp/project/pooled/Conv"`) || !strings.Contains(after, "opset_import") {
		t.Error("the dumps are not those before and after pooled-bias")
	}
}

// TestSkip leaves a pass away.
func TestSkip(t *testing.T) {
	m := mustCompile(t, compile.Options{Filters: 1, Classes: 2, Height: 65, Width: 65, Batch: 1})
	count := func(o compile.PassOptions, op string) int {
		n := 0
		for _, node := range mustDeploy(t, m, compile.DeployOptions{Passes: o}).Graph.Node {
			if node.OpType == op {
				n++
			}
		}
		return n
	}
	if with, without := count(compile.PassOptions{}, "Expand"), count(compile.PassOptions{Skip: []string{"pooled-bias"}}, "Expand"); with != 0 || without != 1 {
		t.Errorf("%d and %d Expand, want 0 and 1", with, without)
	}
	if with, without := count(compile.PassOptions{}, "Slice"), count(compile.PassOptions{Skip: []string{"stride-sampling"}}, "Slice"); with == 0 || without != 0 {
		t.Errorf("%d and %d Slice", with, without)
	}
	if resizes := count(compile.PassOptions{With: []string{"integer-resize"}}, "Resize"); resizes != count(compile.PassOptions{}, "Resize") {
		t.Errorf("%d Resize", resizes)
	}
}
