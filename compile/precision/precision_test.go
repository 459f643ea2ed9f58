package precision_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"autodeeplab/compile"
	"autodeeplab/compile/precision"
	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
)

// pictures are calibration pictures in memory.
type pictures []*tensor.Tensor

func (p pictures) Len() int                         { return len(p) }
func (p pictures) At(i int) (*tensor.Tensor, error) { return p[i], nil }

// noise gives pseudo-random numbers in 0…255.
func noise(seed uint32, shape ...int) *tensor.Tensor {
	n, err := tensor.NumElems(shape)
	if err != nil {
		panic(err)
	}
	data := make([]float32, n)
	for i := range data {
		seed = seed*1664525 + 1013904223
		data[i] = float32(seed >> 24)
	}
	return tensor.Of(data, shape...)
}

// parse reads a graph of opset 17; each weight w of a list "w:2x6x1x1" is an initializer of small pseudo-random numbers.
func parse(t testing.TB, graph string, weights ...string) *onnx.Model {
	t.Helper()
	m, err := onnx.Parse(`<ir_version: 8, opset_import: ["" : 17], metadata_props: ["author": "someone"]>` + "\n" + graph)
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range weights {
		name, dims, _ := strings.Cut(w, ":")
		var shape []int
		for _, d := range strings.Split(dims, "x") {
			var n int
			fmt.Sscan(d, &n)
			shape = append(shape, n)
		}
		x := noise(uint32(100+i), shape...)
		for k, v := range tensor.Data[float32](x) {
			tensor.Data[float32](x)[k] = (v - 128) / 512
		}
		m.Graph.Initializer = append(m.Graph.Initializer, onnx.Encode(name, x))
	}
	return m
}

// nodes writes a graph's nodes, a line each: outputs = Op(inputs).
func nodes(m *onnx.Model) string {
	var b strings.Builder
	for _, n := range m.Graph.Node {
		fmt.Fprintf(&b, "%s = %s(%s)\n", strings.Join(n.Output, ", "), n.OpType, strings.Join(n.Input, ", "))
	}
	return b.String()
}

// lines strips what an expected text is indented by.
func lines(text string) string {
	var out []string
	for _, l := range strings.Split(strings.TrimSpace(text), "\n") {
		out = append(out, strings.TrimSpace(l))
	}
	return strings.Join(out, "\n") + "\n"
}

func convert(t testing.TB, m *onnx.Model, o precision.Options) (*onnx.Model, *precision.Report) {
	t.Helper()
	before := proto.Clone(m)
	out, r, err := precision.Convert(context.Background(), m, o)
	if err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(before, m) {
		t.Fatal("the model was changed")
	}
	for _, f := range check.Model(out, check.Options{}) {
		t.Error(f)
	}
	if onnx.Metadata(out)["author"] != onnx.Metadata(m)["author"] {
		t.Error("metadata are lost")
	}
	return out, r
}

// output runs a model of one input and one output.
func output(t testing.TB, e runtime.Engine, m *onnx.Model, x *tensor.Tensor) *tensor.Tensor {
	t.Helper()
	s, err := e.LoadModel(m, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out, err := s.Run(context.Background(), map[string]*tensor.Tensor{m.Graph.Input[0].Name: x})
	if err != nil {
		t.Fatal(err)
	}
	return out[m.Graph.Output[0].Name]
}

func run(t testing.TB, m *onnx.Model, x *tensor.Tensor) []float32 {
	t.Helper()
	return tensor.Data[float32](output(t, runtime.Embedded, m, x))
}

// distance is ‖a − b‖ / ‖a‖.
func distance(a, b []float32) float64 {
	var num, den float64
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		num, den = num+float64(d*d), den+float64(a[i])*float64(a[i])
	}
	return math.Sqrt(num / den)
}

// branches is a network with what int8 has to get right: a first and a last convolution that stay float, a Relu behind a
// convolution and one behind a value that is read without it, too, Add, Concat, a Resize and a Slice between.
const branches = `net (float[1,3,8,8] x) => (float[1,2,8,8] y) <int64[4] big = {1, 12, 8, 8}, int64[1] zero = {0}, int64[1] end = {8}, int64[1] axis = {2}>
	{ [stem] a = Conv <pads = [1, 1, 1, 1], strides = [2, 2]> (x, w0, b0)  [r0] r = Relu (a)
	  [c1] c = Conv (r, w1, b1)  [r1] d = Relu (c)
	  [c2] e = Conv <group = 6, pads = [1, 1, 1, 1]> (r, w2)
	  [add] f = Add (d, e)  [r2] g = Relu (f)
	  [cat] h = Concat <axis = 1> (f, g)
	  [up] u = Resize <mode = "linear", coordinate_transformation_mode = "align_corners"> (h, "", "", big)
	  [cut] s = Slice (u, zero, end, axis)
	  [last] y = Conv (s, w3, b3) }`

var branchWeights = []string{"w0:6x3x3x3", "b0:6", "w1:6x6x1x1", "b1:6", "w2:6x1x3x3", "w3:2x12x1x1", "b3:2"}

func TestInt8Graph(t *testing.T) {
	m := parse(t, branches, branchWeights...)
	out, r := convert(t, m, precision.Options{Kind: precision.Int8, Pictures: pictures{noise(1, 1, 3, 8, 8), noise(2, 1, 3, 8, 8)}})
	want := lines(`
		a = Conv(x, w0, b0)
		r = Relu(a)
		r/quantized = QuantizeLinear(r, r/scale, r/zero_point)
		r/dequantized = DequantizeLinear(r/quantized, r/scale, r/zero_point)
		w1/dequantized = DequantizeLinear(w1/quantized, w1/scale, zeros/int8/6)
		b1/dequantized = DequantizeLinear(b1/quantized, b1/scale, zeros/int32/6)
		c = Conv(r/dequantized, w1/dequantized, b1/dequantized)
		d = Relu(c)
		d/quantized = QuantizeLinear(d, d/scale, d/zero_point)
		d/dequantized = DequantizeLinear(d/quantized, d/scale, d/zero_point)
		w2/dequantized = DequantizeLinear(w2/quantized, w2/scale, zeros/int8/6)
		e = Conv(r/dequantized, w2/dequantized)
		e/quantized = QuantizeLinear(e, e/scale, e/zero_point)
		e/dequantized = DequantizeLinear(e/quantized, e/scale, e/zero_point)
		f = Add(d/dequantized, e/dequantized)
		f/quantized = QuantizeLinear(f, f/scale, f/zero_point)
		f/dequantized = DequantizeLinear(f/quantized, f/scale, f/zero_point)
		g = Relu(f/dequantized)
		g/quantized = QuantizeLinear(g, g/scale, g/zero_point)
		g/dequantized = DequantizeLinear(g/quantized, g/scale, g/zero_point)
		h = Concat(f/dequantized, g/dequantized)
		h/quantized = QuantizeLinear(h, h/scale, h/zero_point)
		h/dequantized = DequantizeLinear(h/quantized, h/scale, h/zero_point)
		u = Resize(h/dequantized, , , big)
		u/quantized = QuantizeLinear(u, h/scale, h/zero_point)
		u/dequantized = DequantizeLinear(u/quantized, h/scale, h/zero_point)
		s = Slice(u/dequantized, zero, end, axis)
		s/quantized = QuantizeLinear(s, h/scale, h/zero_point)
		s/dequantized = DequantizeLinear(s/quantized, h/scale, h/zero_point)
		y = Conv(s/dequantized, w3, b3)`)
	if got := nodes(out); got != want {
		t.Errorf("the nodes are\n%s\nwant\n%s", got, want)
	}
	if len(r.Float) != 2 || r.Float[0].Node != "stem" || r.Float[1].Node != "last" || r.Pictures != 2 || r.Method != "minmax" {
		t.Errorf("the record is %+v", r.Record)
	}
	record, err := precision.Read(onnx.Metadata(out))
	if err != nil || fmt.Sprint(*record) != fmt.Sprint(r.Record) {
		t.Errorf("the metadata say %+v (%v), the report %+v", record, err, r.Record)
	}
	if d := distance(run(t, m, noise(3, 1, 3, 8, 8)), run(t, out, noise(3, 1, 3, 8, 8))); !(d < 0.03) || d == 0 {
		t.Errorf("the int8 network is %.3g from the float one", d)
	}
	// c1, c2, add, r2 and cat make numbers of their own; the errors of 8 bits are about 1/255/√12 of the range.
	if len(r.Layers) != 5 {
		t.Errorf("layers %+v", r.Layers)
	}
	for _, l := range r.Layers {
		if !(l.Error > 1e-4 && l.Error < 0.03) || l.Float {
			t.Errorf("layer %+v", l)
		}
	}
	again, _ := convert(t, m, precision.Options{Kind: precision.Int8, Pictures: pictures{noise(1, 1, 3, 8, 8), noise(2, 1, 3, 8, 8)}, Threads: 1})
	if !proto.Equal(out, again) {
		t.Error("another number of threads makes another network")
	}
}

// TestInt8Threshold keeps a layer float whose weights 8 bits do not hold, and one that is named.
func TestInt8Threshold(t *testing.T) {
	m := parse(t, branches, branchWeights...)
	for i, p := range m.Graph.Initializer {
		if p.Name == "w2" { // a large tap that meets 0 only, at the border, makes the others small
			w, err := onnx.Decode(p)
			if err != nil {
				t.Fatal(err)
			}
			for c := range 6 {
				for k := range 9 {
					tensor.Data[float32](w)[9*c+k] *= []float32{1000, 1, 1, 1, 1, 1, 1, 1, 1e-3}[k]
				}
			}
			m.Graph.Initializer[i] = onnx.Encode("w2", w)
		}
	}
	// Only the last column is bright, which the large tap, to the left and above, hardly meets.
	picture := tensor.Of(make([]float32, 3*64), 1, 3, 8, 8)
	for i := range 3 * 8 {
		tensor.Data[float32](picture)[8*i+7] = 255
	}
	o := precision.Options{Kind: precision.Int8, Pictures: pictures{picture}, Threshold: 1e-9}
	out, r := convert(t, m, o)
	if strings.Contains(nodes(out), "w1/dequantized") || !strings.Contains(nodes(out), "c = Conv(r/dequantized, w1, b1)") && !strings.Contains(nodes(out), "c = Conv(r, w1, b1)") {
		t.Errorf("a layer is over the threshold and int8:\n%s", nodes(out))
	}
	over := 0
	for _, k := range r.Float {
		if strings.Contains(k.Reason, "--int8-threshold") {
			over++
		}
	}
	if over != 2 {
		t.Errorf("%d convolutions are over the threshold, want 2: %+v", over, r.Float)
	}
	var b bytes.Buffer
	if err := precision.WriteLayers(&b, r.Layers); err != nil || !strings.HasPrefix(b.String(), "node,operator,relative_error,sqnr_db,precision\nc1,Conv,") || !strings.Contains(b.String(), ",float\n") {
		t.Errorf("%v: %s", err, &b)
	}
	out, r = convert(t, m, precision.Options{Kind: precision.Int8, Pictures: pictures{picture}, Keep: []string{"c1"}})
	if strings.Contains(nodes(out), "w1/dequantized") || !strings.Contains(nodes(out), "w2/dequantized") || !slices.Contains(r.Float, precision.Kept{Node: "c1", Op: "Conv", Reason: "asked for"}) {
		t.Errorf("c1 was to stay float: %+v\n%s", r.Float, nodes(out))
	}
}

// TestInt8Output: a graph's output that lies within the int8 part keeps its name and type.
func TestInt8Output(t *testing.T) {
	m := parse(t, `net (float[1,8,4,4] x) => (float[1,8,4,4] r) { [c] a = Conv (x, w)  [relu] r = Relu (a)  [d] unread = Conv (r, w) }`, "w:8x8x1x1")
	out, _ := convert(t, m, precision.Options{Kind: precision.Int8, Pictures: pictures{noise(1, 1, 8, 4, 4)}})
	if got := nodes(out); !strings.Contains(got, "r/unquantized = Relu(a)\nr/quantized = QuantizeLinear(r/unquantized, r/scale, r/zero_point)\nr = DequantizeLinear(") {
		t.Errorf("the nodes are\n%s", got)
	}
	if d := distance(run(t, m, noise(3, 1, 8, 4, 4)), run(t, out, noise(3, 1, 8, 4, 4))); !(d < 0.03) {
		t.Errorf("%.3g apart", d)
	}
}

func TestHalfGraph(t *testing.T) {
	m := parse(t, branches, branchWeights...)
	for _, o := range []precision.Options{
		{Kind: precision.Float16, Pictures: pictures{noise(1, 1, 3, 8, 8)}}, {Kind: precision.Float16},
	} {
		out, r := convert(t, m, o)
		want := lines(`
			x/half = Cast(x)
			a = Conv(x/half, w0/half, b0/half)
			r = Relu(a)
			c = Conv(r, w1/half, b1/half)
			d = Relu(c)
			e = Conv(r, w2/half)
			f = Add(d, e)
			g = Relu(f)
			h = Concat(f, g)
			u = Resize(h, , , big)
			s = Slice(u, zero, end, axis)
			s/float = Cast(s)
			y = Conv(s/float, w3, b3)`)
		if got := nodes(out); got != want {
			t.Errorf("the nodes are\n%s\nwant\n%s", got, want)
		}
		if len(r.Float) != 1 || r.Float[0].Node != "last" || (r.Pictures == 0) != (o.Pictures == nil) {
			t.Errorf("the record is %+v", r.Record)
		}
		if d := distance(run(t, m, noise(3, 1, 3, 8, 8)), run(t, out, noise(3, 1, 3, 8, 8))); !(d < 2e-3) || d == 0 {
			t.Errorf("%.3g apart", d)
		}
	}
}

// TestHalfRange: what float16 cannot hold stays float, and no picture gives NaN.
func TestHalfRange(t *testing.T) {
	const graph = `net (float[1,3,8,8] x) => (float[1,2,8,8] y) <float big = {10000}, float tiny = {0.0001}>
		{ [c0] a = Conv (x, w0)  [up] b = Mul (a, big)  [r] r = Relu (b)  [c1] c = Conv (r, w1)  [n] n = Neg (c)  [down] d = Mul (n, tiny)
		  [c2] e = Conv (d, w2)  [r2] f = Relu (e)  [last] y = Conv (f, w3) }`
	m := parse(t, graph, "w0:8x3x1x1", "w1:8x8x1x1", "w2:8x8x1x1", "w3:2x8x1x1")
	for i, p := range m.Graph.Initializer {
		if p.Name == "w2" {
			w, err := onnx.Decode(p)
			if err != nil {
				t.Fatal(err)
			}
			for k := range tensor.Data[float32](w) {
				tensor.Data[float32](w)[k] *= 1e-6
			}
			m.Graph.Initializer[i] = onnx.Encode("w2", w)
		}
	}
	for _, pics := range []precision.Pictures{pictures{noise(1, 1, 3, 8, 8)}, nil} {
		out, r := convert(t, m, precision.Options{Kind: precision.Float16, Pictures: pics})
		reasons := make(map[string]string)
		for _, k := range r.Float {
			reasons[k.Node] = k.Reason
		}
		for node, want := range map[string]string{"up": "float16 holds 65504", "r": "float16 holds", "c1": "float16 holds", "n": "float16 holds", "down": "float16 holds", "c2": "its weights", "last": "scores"} {
			if !strings.Contains(reasons[node], want) {
				t.Errorf("%s stays float because %q, want %q", node, reasons[node], want)
			}
		}
		if reasons["c0"] != "" {
			t.Errorf("c0 stays float: %s", reasons["c0"])
		}
		white := tensor.Of(slices.Repeat([]float32{255}, 192), 1, 3, 8, 8)
		if d := distance(run(t, m, white), run(t, out, white)); !(d < 5e-3) {
			t.Errorf("%.3g apart", d)
		}
	}
}

// broken makes NaN.
func TestNotFinite(t *testing.T) {
	m := parse(t, `net (float[1,8,4,4] x) => (float[1,8,4,4] y) { [l] l = Log (x)  [c] a = Conv (l, w)  [d] y = Conv (a, w) }`, "w:8x8x1x1")
	x := tensor.Of(slices.Repeat([]float32{-1}, 128), 1, 8, 4, 4)
	for _, k := range []precision.Kind{precision.Int8, precision.Float16} {
		_, _, err := precision.Convert(context.Background(), m, precision.Options{Kind: k, Pictures: pictures{x}})
		if err == nil || !strings.Contains(err.Error(), `NaN in "l" on calibration picture 1`) {
			t.Errorf("%s: %v", k, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	m := parse(t, branches, branchWeights...)
	some := pictures{noise(1, 1, 3, 8, 8)}
	int8Model, _ := convert(t, m, precision.Options{Kind: precision.Int8, Pictures: some})
	old := proto.Clone(m).(*onnx.Model)
	old.OpsetImport[0].Version = 12
	training := proto.Clone(m).(*onnx.Model)
	onnx.SetMetadata(training, compile.KeyForm, "training")
	none := parse(t, `net (float[1,3,8,8] x) => (float[1,3,8,8] y) { [r] y = Relu (x) }`)
	for _, test := range []struct {
		m    *onnx.Model
		o    precision.Options
		want string
	}{
		{m, precision.Options{Kind: precision.Int8}, "int8 needs pictures to measure ranges on (--calibration"},
		{m, precision.Options{Kind: precision.Int8, Pictures: pictures{}}, "int8 needs pictures"},
		{m, precision.Options{Kind: precision.Float16, Method: precision.Entropy}, "--calibration-method entropy needs --precision int8"},
		{m, precision.Options{Kind: precision.Float16, Threshold: 0.1}, "--int8-threshold needs --precision int8"},
		{m, precision.Options{Kind: precision.Int8, Pictures: some, Threshold: -1}, "want a relative error from 0"},
		{m, precision.Options{Kind: precision.Int8, Pictures: some, Threshold: math.NaN()}, "want a relative error from 0"},
		{m, precision.Options{Kind: precision.Int8, Pictures: some, Percentile: 99}, "--calibration-percentile needs --calibration-method percentile"},
		{m, precision.Options{Kind: precision.Int8, Pictures: some, Method: precision.Percentile, Percentile: 40}, "want more than 50 and at most 100"},
		{m, precision.Options{Pictures: some}, "--calibration needs --precision fp16 or int8"},
		{m, precision.Options{Keep: []string{"c1"}}, "--keep-float needs --precision"},
		{m, precision.Options{Kind: precision.Int8, Pictures: some, Keep: []string{"c"}}, `no node is named "c", nor begins with "c/"`},
		{m, precision.Options{Kind: precision.Kind(7)}, "precision 7, want fp32, fp16, int8"},
		{int8Model, precision.Options{Kind: precision.Int8, Pictures: some}, "the model is int8 already: compile int8 from its float form"},
		{int8Model, precision.Options{Kind: precision.Float16}, "the model is int8 already: compile fp16 from its float form"},
		{old, precision.Options{Kind: precision.Int8, Pictures: some}, "opset 12 has no DequantizeLinear by channel: --precision int8 needs --opset 13 or newer"},
		{training, precision.Options{Kind: precision.Int8, Pictures: some}, "a training form is float32"},
		{none, precision.Options{Kind: precision.Int8, Pictures: some}, "no node of the model can compute in int8 (--precision): it has no convolution"},
	} {
		_, _, err := precision.Convert(context.Background(), test.m, test.o)
		if err == nil || !errors.Is(err, compile.ErrOptions) || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %v, want %q", test.o, err, test.want)
		}
	}
	for _, name := range []string{"bf16", "INT8"} {
		if _, err := precision.ParseKind(name); !errors.Is(err, compile.ErrOptions) || !strings.Contains(err.Error(), "want fp32, fp16, int8") {
			t.Error(err)
		}
	}
	if _, err := precision.ParseMethod("mse"); !errors.Is(err, compile.ErrOptions) || !strings.Contains(err.Error(), "want minmax, percentile, entropy") {
		t.Error(err)
	}
}

// TestDeployKeeps deploys an int8 and a float16 network again: record, numbers and types stay.
func TestDeployKeeps(t *testing.T) {
	m := parse(t, branches, branchWeights...)
	for _, o := range []precision.Options{{Kind: precision.Int8, Pictures: pictures{noise(1, 1, 3, 8, 8)}}, {Kind: precision.Float16}} {
		out, _ := convert(t, m, o)
		again, err := compile.Deploy(out, compile.DeployOptions{Passes: compile.PassOptions{Check: true}})
		if err != nil {
			t.Fatal(err)
		}
		if onnx.Metadata(again)[compile.KeyPrecision] != onnx.Metadata(out)[compile.KeyPrecision] {
			t.Errorf("%s: the record is lost", o.Kind)
		}
		if len(again.Graph.Node) != len(out.Graph.Node) || !slices.Equal(run(t, out, noise(3, 1, 3, 8, 8)), run(t, again, noise(3, 1, 3, 8, 8))) {
			t.Errorf("%s: deployed again, it is another network:\n%s", o.Kind, nodes(again))
		}
	}
}
