package compile_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"autodeeplab/compile"
	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/runtime"
)

// foreign parses a model that was not made by Compile.
func foreign(t testing.TB, opset, graph string) *onnx.Model {
	t.Helper()
	m, err := onnx.Parse(`<ir_version: 8, opset_import: ["" : ` + opset + `], producer_name: "elsewhere", metadata_props: ["author": "someone"]>` + "\n" + graph)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// elsewhere is a small network for any size that wants its pictures normalised: scores at a quarter, enlarged by 4.
const elsewhere = `net (float[n,3,h,w] x) => (float[n,2,hh,ww] y)
	<float[2,3,3,3] k = {0.2, -0.1, 0.3, 0.1, 0.4, -0.2, 0.1, 0.1, 0.2, -0.3, 0.1, 0.2, 0.5, -0.1, 0.1, 0.2, 0.3, -0.4, 0.1, 0.2, 0.1, 0.1, -0.2, 0.3, 0.2, 0.1, 0.1,
	                     0.1, 0.3, -0.2, 0.2, 0.1, 0.4, -0.1, 0.2, 0.1, 0.3, -0.1, 0.1, 0.2, 0.1, 0.3, -0.2, 0.1, 0.2, 0.1, -0.1, 0.3, 0.1, 0.2, -0.3, 0.1, 0.1, 0.2},
	 float[4] s = {1, 1, 4, 4}, int64[1] zero = {0}, int64[1] two = {2}, int64[1] four = {4}>
	{ [c] a = Conv <strides = [4, 4], pads = [1, 1, 1, 1]> (x, k)  [r] b = LeakyRelu <alpha = 0.5> (a)
	  ["resize"] y = Resize <mode = "linear", coordinate_transformation_mode = "half_pixel"> (b, "", s) }`

// TestDeployForeign gives a network from elsewhere another form.
func TestDeployForeign(t *testing.T) {
	m := foreign(t, "17", elsewhere)
	float, bytes := picture(2, 16, 24)
	mean, std := []float64{120, 110, 100}, []float64{60, 50, 40}
	normal := planesOf(float)
	for i := range normal.v {
		c := i / (16 * 24) % 3
		normal.v[i] = (normal.v[i] - mean[c]) / std[c]
	}
	want := planesOf(runOn(t, runtime.Embedded, m, normal.tensor()))

	d := mustDeploy(t, m, compile.DeployOptions{Input: compile.InputUint8, Mean: mean, Std: std, ClassNames: []string{"sea", "land"}})
	agree(t, "bytes", runOn(t, runtime.Embedded, d, bytes), want)
	meta := onnx.Metadata(d)
	for key, want := range map[string]string{
		"author": "someone", compile.KeyProducer: "elsewhere", compile.KeyMean: "[120,110,100]", compile.KeyInput: compile.InputConventionUint8,
		compile.KeyClassNames: `["sea","land"]`, compile.KeyOutput: "logits", compile.KeyClasses: "2",
		compile.KeySizes: `{"batch":{"min":1,"max":4096},"height":{"min":1,"max":65536},"width":{"min":1,"max":65536}}`,
	} {
		if meta[key] != want {
			t.Errorf("%s is %q, want %q", key, meta[key], want)
		}
	}
	if d.ProducerName != "elsewhere" || d.Graph.Output[0].Name != "y" {
		t.Errorf("producer %q, output %q", d.ProducerName, d.Graph.Output[0].Name)
	}
	// One subtraction stays of the normalisation, because the convolution pads.
	var ops []string
	for _, n := range d.Graph.Node {
		ops = append(ops, n.OpType)
	}
	if got := strings.Join(ops, " "); got != "Cast Transpose Sub Conv LeakyRelu Resize" {
		t.Errorf("the nodes are %s", got)
	}

	for _, test := range []struct {
		name string
		o    compile.DeployOptions
	}{
		{"labels", compile.DeployOptions{Output: compile.OutputLabels}},
		{"labels of fixed size", compile.DeployOptions{Output: compile.OutputLabels, Height: 16, Width: 24, Batch: 2}},
		{"probabilities of opset 11", compile.DeployOptions{Output: compile.OutputProbabilities, Opset: 11}},
		{"opset 26", compile.DeployOptions{Opset: 26}},
	} {
		test.o.Mean, test.o.Std, test.o.Passes.Check = mean, std, true
		expected := want
		if test.o.Output == compile.OutputProbabilities {
			expected = want.softmax()
		}
		agree(t, test.name, runOn(t, runtime.Embedded, mustDeploy(t, m, test.o), float), expected)
	}
	// Without its last resize, at fixed and dynamic sizes.
	for _, o := range []compile.DeployOptions{{OutputStride: 4}, {OutputStride: 4, Height: 16, Width: 24, Batch: 2}} {
		d := mustDeploy(t, m, o)
		got := runOn(t, runtime.Embedded, d, float)
		if !slices.Equal(got.Shape, []int{2, 2, 4, 6}) || onnx.Metadata(d)[compile.KeyOutputStride] != "4" {
			t.Errorf("stride 4: %s", got)
		}
	}
	flipped := planesOf(runOn(t, runtime.Embedded, m, planesOf(float).mirrored().tensor())).mirrored().softmax()
	plain := planesOf(runOn(t, runtime.Embedded, m, float)).softmax()
	for i, v := range flipped.v {
		plain.v[i] = (plain.v[i] + v) / 2
	}
	agree(t, "flipped", runOn(t, runtime.Embedded, mustDeploy(t, m, compile.DeployOptions{Flip: true, Output: compile.OutputProbabilities}), float), plain)

	// Initializers that are inputs, too, as IR 3 wants it, become constants.
	old := foreign(t, "11", `net (float[1,3,4,4] x, float[1,3,1,1] k) => (float[1,1,4,4] y) <float[1,3,1,1] k = {1, 2, 3}> { y = Conv (x, k) }`)
	if d := mustDeploy(t, old, compile.DeployOptions{}); len(d.Graph.Input) != 1 || len(d.Graph.Initializer) != 1 {
		t.Errorf("%d inputs, %d initializers", len(d.Graph.Input), len(d.Graph.Initializer))
	}
}

func TestDeployForeignErrors(t *testing.T) {
	const fixed = `net (float[1,3,8,8] x) => (float[1,2,8,8] y) <float[2,3,1,1] k = {1, 2, 3, 4, 5, 6}> { [c] y = Conv (x, k) }`
	resize := func(attributes string) string {
		return `net (float[1,3,8,8] x) => (float[1,3,16,16] y) <int64[4] s = {1, 3, 16, 16}> { [r] y = Resize <` + attributes + `> (x, , , s) }`
	}
	for _, test := range []struct {
		opset, graph string
		o            compile.DeployOptions
		want         string
	}{
		{"17", fixed, compile.DeployOptions{Height: compile.DynamicAxis}, "the model's height is fixed at 8 and cannot become dynamic: it was not made by autodeeplab (--input-size)"},
		{"17", fixed, compile.DeployOptions{Batch: 3}, "fixed at 1 and cannot become 3"},
		{"17", fixed, compile.DeployOptions{Scales: []float64{0.5}, Output: compile.OutputLabels}, "at scale 0.5 (--multi-scale)"},
		{"17", fixed, compile.DeployOptions{OutputStride: 4}, "not made by a bilinear Resize"},
		{"17", fixed, compile.DeployOptions{Mean: []float64{1, 2, 3}, ClassNames: []string{"a"}}, "1 class names for 2 classes"},
		{"17", `net (float[1,1,8,8] x) => (float[1,1,8,8] y) { y = Relu (x) }`, compile.DeployOptions{Input: compile.InputUint8}, "has 1 channels, want the 3 of RGB"},
		{"17", `net (float[1,1,8,8] x) => (float[1,1,8,8] y) { y = Relu (x) }`, compile.DeployOptions{Mean: []float64{1, 2, 3}}, "3 numbers for 1 channels"},
		{"17", `net (float[8,8] x) => (float[8,8] y) { y = Relu (x) }`, compile.DeployOptions{}, "want float [N,C,H,W] or uint8 [N,H,W,3]"},
		{"17", `net (float[1,1,8,8] x, float[1] z) => (float[1,1,8,8] y) { y = Add (x, z) }`, compile.DeployOptions{}, "2 inputs and 1 outputs"},
		{"17", `net (float[1,2,8,8] x) => (float[1,2] y) <int64[2] s = {2, 3}> { y = ReduceMean <axes = [2, 3], keepdims = 0> (x) }`, compile.DeployOptions{Output: compile.OutputLabels}, "want [N,classes,H,W] for --output labels"},
		{"17", resize(`mode = "linear", coordinate_transformation_mode = "asymmetric"`), compile.DeployOptions{}, `node "r" (Resize): cannot compile: engines disagree on mode linear with asymmetric coordinates; they agree on linear with align_corners, `},
		{"17", resize(`mode = "cubic"`), compile.DeployOptions{}, "--any-resize lets it pass"},
		{"17", resize(`mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "ceil"`), compile.DeployOptions{}, "--any-resize"},
		{"20", `net (float[1,3,8,8] x) => (float[1,3,8,8] y) { [g] y = Gelu (x) }`, compile.DeployOptions{Opset: 17}, `node "g" (Gelu): cannot compile: unknown operator Gelu at opset 17 (it exists from opset 20); the model is of opset 20 (--opset)`},
		{"18", resize(`mode = "linear", antialias = 1`), compile.DeployOptions{Opset: 17, AnyResize: true}, `attribute "antialias" is not known to Resize of opset 13`},
		{"10", `net (float[1,3,8,8] x) => (float[1,3,8,8] y) { [p] y = Pad <pads = [0, 0, 0, 0, 0, 0, 0, 0]> (x) }`, compile.DeployOptions{Opset: 11}, "Pad changed at opset 11"},
	} {
		_, err := compile.Deploy(foreign(t, test.opset, test.graph), test.o)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s\n%+v: got %v, want one that says %q", test.graph, test.o, err, test.want)
		}
		if err != nil && strings.Contains(test.want, "cannot compile") && !errors.Is(err, compile.ErrOptions) {
			t.Errorf("%v is no ErrOptions", err)
		}
	}
	for _, ok := range []string{
		`mode = "linear", coordinate_transformation_mode = "pytorch_half_pixel"`, `mode = "linear", coordinate_transformation_mode = "align_corners"`,
	} {
		d := mustDeploy(t, foreign(t, "17", resize(ok)), compile.DeployOptions{})
		if text := strings.Join(nodeLines(t, d), "\n"); strings.Contains(text, "pytorch") {
			t.Error(text)
		}
	}
	mustDeploy(t, foreign(t, "17", resize(`mode = "cubic"`)), compile.DeployOptions{AnyResize: true})
}

// TestConvertOpset holds what nodes become at another operator set; a model without an after cannot be converted.
func TestConvertOpset(t *testing.T) {
	const io = `g (float[1,3,4,4] x) => (float[1,3,4,4] y) `
	for _, test := range []struct {
		name          string
		from, to      int
		before, after string
	}{
		{"axes become an input", 11, 26,
			io + `{ [u] a = Unsqueeze <axes = [0]> (x)  [s] b = Squeeze <axes = [0]> (a)  [m] c = ReduceMean <axes = [2], keepdims = 1> (b)  y = Add (b, c) }`,
			io + `<int64[1] "a/axes" = {0}, int64[1] "b/axes" = {0}, int64[1] "c/axes" = {2}>
			 { [u] a = Unsqueeze (x, "a/axes")  [s] b = Squeeze (a, "b/axes")  [m] c = ReduceMean <keepdims = 1> (b, "c/axes")  y = Add (b, c) }`},
		{"and attributes again", 26, 11,
			io + `<int64[1] z = {0}, int64[1] t = {2}> { [u] a = Unsqueeze (x, z)  [s] b = Squeeze (a, z)  [m] c = ReduceMean (b, t)  y = Add (b, c) }`,
			io + `<int64[1] z = {0}, int64[1] t = {2}> { [u] a = Unsqueeze <axes = [0]> (x)  [s] b = Squeeze <axes = [0]> (a)  [m] c = ReduceMean <axes = [2]> (b)  y = Add (b, c) }`},
		{"a softmax over the last axis", 11, 13, io + `{ y = Softmax <axis = 3> (x) }`, io + `{ y = Softmax <axis = 3> (x) }`},
		{"the axis that was meant", 13, 11, io + `{ y = Softmax (x) }`, io + `{ y = Softmax <axis = 3> (x) }`},
		{"a softmax over several axes", 11, 13, io + `{ y = Softmax (x) }`, ``},
		{"inputs that were not optional", 17, 11,
			io + `<int64[4] s = {1, 3, 4, 4}> { y = Resize <mode = "linear", coordinate_transformation_mode = "align_corners"> (x, , , s) }`,
			io + `<int64[4] s = {1, 3, 4, 4}, float[0] "resize/roi" = {}, float[0] "resize/scales" = {}>
			 { y = Resize <mode = "linear", coordinate_transformation_mode = "align_corners"> (x, "resize/roi", "resize/scales", s) }`},
		{"what Resize always did", 10, 13, `g (float[1,3,2,2] x) => (float[1,3,4,4] y) <float[4] s = {1, 1, 2, 2}> { y = Resize (x, s) }`,
			`g (float[1,3,2,2] x) => (float[1,3,4,4] y) <float[4] s = {1, 1, 2, 2}> { y = Resize <coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"> (x, , s) }`},
		{"bounds become inputs", 10, 11, io + `{ y = Clip <min = 0.0, max = 6.0> (x) }`, io + `<float "y/min" = {0}, float "y/max" = {6}> { y = Clip (x, "y/min", "y/max") }`},
		{"a ratio that nothing reads", 11, 13, io + `{ y = Dropout <ratio = 0.25> (x) }`, io + `{ y = Dropout (x) }`},
		{"an attribute at its default", 18, 17,
			io + `<int64[4] s = {1, 3, 4, 4}> { y = Resize <mode = "linear", antialias = 0> (x, , , s) }`,
			io + `<int64[4] s = {1, 3, 4, 4}> { y = Resize <mode = "linear"> (x, , , s) }`},
		{"a computed list of axes", 17, 11, `g (float[1,3,4,4] x, int64[1] a) => (float y) { y = Squeeze (x, a) }`, ``},
		{"a type that is too new", 17, 11, `g (bfloat16[1,3,4,4] x) => (bfloat16[1,3,4,4] y) { y = Add (x, x) }`, ``},
	} {
		parse := func(opset int, graph string) *onnx.Model {
			m, err := onnx.Parse(`<ir_version: 5, opset_import: ["" : ` + strconv.Itoa(opset) + `]>` + "\n" + graph)
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		m := parse(test.from, test.before)
		err := compile.ConvertOpset(m, test.to)
		if test.after == "" {
			if !errors.Is(err, compile.ErrOptions) || !strings.Contains(err.Error(), "--opset") {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got, want := full(t, m), full(t, parse(test.to, test.after)); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", test.name, got, want)
		}
		m.IrVersion = 13
		if f := check.Model(m, check.Options{}); len(f) > 0 {
			t.Errorf("%s: %v", test.name, f)
		}
	}
}

func full(t testing.TB, m *onnx.Model) string {
	t.Helper()
	var b strings.Builder
	if err := onnx.Format(&b, m, onnx.TextOptions{Full: true}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
