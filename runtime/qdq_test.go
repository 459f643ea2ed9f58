package runtime_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"autodeeplab/onnx"
	"autodeeplab/onnx/pb"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
)

// qdq builds a quantised graph of one input x, float[1,6,H,W].
type qdq struct {
	nodes   []*onnx.Node
	inits   []*onnx.TensorPB
	outputs []*onnx.ValueInfo
	r       *rand.Rand
}

func (g *qdq) constant(name string, t *tensor.Tensor) string {
	g.inits = append(g.inits, onnx.Encode(name, t))
	return name
}

func (g *qdq) node(op, out string, in []string, attrs ...*onnx.Attribute) string {
	g.nodes = append(g.nodes, onnx.NewNode(op, out, in, []string{out}, attrs...))
	return out
}

// pair stores a value and reads it again.
func (g *qdq) pair(v string, scale float32, zero uint8) string {
	s, z := g.constant(v+"/s", tensor.Of([]float32{scale})), g.constant(v+"/z", tensor.Of([]uint8{zero}))
	g.node("QuantizeLinear", v+"/q", []string{v, s, z})
	return g.node("DequantizeLinear", v+"/d", []string{v + "/q", s, z})
}

// conv convolves with int8 weights by channel and an int32 bias.
func (g *qdq) conv(out, x string, xScale float32, channels, in, group, k int, attrs ...*onnx.Attribute) string {
	w, b, ws, bs := make([]int8, channels*in/group*k*k), make([]int32, channels), make([]float32, channels), make([]float32, channels)
	for i := range w {
		w[i] = int8(g.r.IntN(255) - 127)
	}
	for i := range b {
		ws[i] = 0.002 * (1 + g.r.Float32())
		b[i], bs[i] = int32(g.r.IntN(2000)-1000), xScale*ws[i]
	}
	zeros := g.constant(out+"/wz", tensor.Of(make([]int8, channels), channels))
	g.node("DequantizeLinear", out+"/w", []string{g.constant(out+"/wq", tensor.Of(w, channels, in/group, k, k)), g.constant(out+"/ws", tensor.Of(ws, channels)), zeros}, onnx.AttrInt("axis", 0))
	g.node("DequantizeLinear", out+"/b", []string{g.constant(out+"/bq", tensor.Of(b, channels)), g.constant(out+"/bs", tensor.Of(bs, channels))}, onnx.AttrInt("axis", 0))
	return g.node("Conv", out, []string{x, out + "/w", out + "/b"}, append(attrs, onnx.AttrInts("pads", k/2, k/2, k/2, k/2), onnx.AttrInt("group", group))...)
}

// network uses every rule.
func (g *qdq) network() {
	x := g.pair("x", 0.02, 120)
	a := g.pair(g.node("Relu", "a", []string{g.conv("a0", x, 0.02, 9, 6, 1, 3)}), 0.03, 0)
	b := g.pair(g.conv("b", a, 0.03, 9, 9, 9, 5), 0.05, 128)
	c := g.pair(g.conv("c", b, 0.05, 9, 9, 1, 1), 0.06, 100)
	d := g.pair(g.node("Add", "d", []string{a, c}), 0.07, 90)
	e := g.pair(g.node("Relu", "e", []string{g.node("Add", "e0", []string{d, b})}), 0.04, 7)
	f := g.pair(g.node("Relu", "f", []string{d}), 0.05, 0)
	h := g.pair(g.node("Concat", "h", []string{d, e, f}, onnx.AttrInt("axis", 1)), 0.08, 60)
	i := g.pair(g.node("Concat", "i", []string{h, h}, onnx.AttrInt("axis", 1)), 0.08, 60)
	starts, ends, axes := g.constant("starts", tensor.Of([]int64{1, 1}, 2)), g.constant("ends", tensor.Of([]int64{999, 999}, 2)), g.constant("axes", tensor.Of([]int64{2, 3}, 2))
	j := g.pair(g.node("Slice", "j", []string{i, starts, ends, axes}), 0.08, 60)
	k := g.pair(g.node("Transpose", "k", []string{j}, onnx.AttrInts("perm", 0, 1, 3, 2)), 0.08, 60)
	l := g.pair(g.node("MaxPool", "l", []string{k}, onnx.AttrInts("kernel_shape", 2, 2)), 0.08, 60)
	g.node("Identity", "y", []string{l})
	g.outputs = append(g.outputs, open("y"))
}

func open(name string) *onnx.ValueInfo {
	return onnx.NewValueInfo(name, tensor.Float32, []*onnx.Dim{onnx.NamedDim("a"), onnx.NamedDim("b"), onnx.NamedDim("c"), onnx.NamedDim("d")})
}

func (g *qdq) model(h, w *onnx.Dim) *onnx.Model {
	return &onnx.Model{IrVersion: 8, OpsetImport: []*pb.OperatorSetIdProto{{Version: 17}}, Graph: &pb.GraphProto{
		Name: "g", Input: []*onnx.ValueInfo{float("x", fixed(1), fixed(6), h, w)}, Node: g.nodes, Initializer: g.inits, Output: g.outputs}}
}

// runQDQ runs a model and tells the operators that it ran, Q and DQ apart.
func runQDQ(t *testing.T, m *onnx.Model, x *tensor.Tensor) (out map[string]*tensor.Tensor, ran []string, pairs int) {
	t.Helper()
	s, err := runtime.Embedded.LoadModel(m, runtime.Options{Threads: 2, Observe: func(n runtime.NodeRun) {
		if strings.HasSuffix(n.Op, "quantizeLinear") || strings.HasSuffix(n.Op, "QuantizeLinear") {
			pairs++
			return
		}
		ran = append(ran, strings.TrimSpace(n.Op+" "+n.Method))
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out, err = s.Run(context.Background(), map[string]*tensor.Tensor{"x": x})
	if err != nil {
		t.Fatal(err)
	}
	return out, ran, pairs
}

// TestByteRules runs a network that every rule applies to, at fixed and at open sizes, beside the same one whose float
// values are graph outputs, too, so that no rule applies. Stored numbers may differ by one after a convolution, which
// sums in another arithmetic.
func TestByteRules(t *testing.T) {
	for _, dims := range [][2]*onnx.Dim{{fixed(11), fixed(14)}, {onnx.NamedDim("H"), onnx.NamedDim("W")}} {
		g := &qdq{r: rand.New(rand.NewPCG(1, 2))}
		g.network()
		x := noise(g.r, 1, 6, 11, 14)
		got, ran, pairs := runQDQ(t, g.model(dims[0], dims[1]), x)
		want := []string{"Conv bytes +Relu", "Conv bytes", "Conv bytes", "Add", "Add", "Concat", "Slice", "Transpose", "MaxPool", "Identity"}
		for _, op := range want {
			if i := slices.Index(ran, op); i < 0 {
				t.Errorf("%q did not run; what ran: %v", op, ran)
			} else {
				ran = slices.Delete(ran, i, i+1)
			}
		}
		// A Q before the first node, a DQ behind the last; the second Concat, of one scale, and the Relu f are left to name.
		if pairs != 3 || !slices.Equal(ran, []string{"Relu"}) {
			t.Errorf("%d Q and DQ ran, want 3 with the Concat's; and besides %v", pairs, ran)
		}
		for _, n := range g.nodes {
			if !slices.Contains([]string{"QuantizeLinear", "DequantizeLinear"}, n.GetOpType()) && n.GetOutput()[0] != "y" {
				g.outputs = append(g.outputs, open(n.GetOutput()[0]))
			}
		}
		plain, all, _ := runQDQ(t, g.model(dims[0], dims[1]), x)
		if slices.ContainsFunc(all, func(op string) bool { return strings.Contains(op, "bytes") }) {
			t.Errorf("with float outputs, too, it ran %v", all)
		}
		p, q := tensor.Data[float32](got["y"]), tensor.Data[float32](plain["y"])
		for i := range q {
			if d := math.Abs(float64(p[i]) - float64(q[i])); d > 2*0.08+1e-6 {
				t.Fatalf("element %d is %v, want %v", i, p[i], q[i])
			}
		}
	}
}

// TestByteRulesExact wants the very bits of the float operators where there is no convolution.
func TestByteRulesExact(t *testing.T) {
	g := &qdq{r: rand.New(rand.NewPCG(3, 4))}
	x := g.pair("x", 0.02, 120)
	a := g.pair(g.node("Relu", "a", []string{x}), 0.011, 3)
	b := g.pair(g.node("Add", "b", []string{a, x}), 0.017, 77)
	c := g.pair(g.node("Relu", "c", []string{g.node("Add", "c0", []string{b, x})}), 0.013, 30)
	d := g.pair(g.node("Concat", "d", []string{a, b, c}, onnx.AttrInt("axis", -3)), 0.016, 100)
	g.node("Identity", "y", []string{d})
	g.outputs = append(g.outputs, open("y"))
	in := noise(g.r, 1, 6, 9, 13)
	got, ran, _ := runQDQ(t, g.model(fixed(9), fixed(13)), in)
	if len(ran) != 4 { // Relu, Add, Add, Identity; the Concat is under the name of its Q
		t.Errorf("ran %v", ran)
	}
	for _, name := range []string{"a", "b", "c0", "d"} {
		g.outputs = append(g.outputs, open(name))
	}
	plain, _, _ := runQDQ(t, g.model(fixed(9), fixed(13)), in)
	if !slices.Equal(tensor.Data[float32](got["y"]), tensor.Data[float32](plain["y"])) {
		t.Error("other bits than by float operators")
	}
}

// TestByteRulesLetAlone has what no rule may touch: a float value that another node reads, scales that are no constants,
// weights of uint8, a bias of float, tensors that broadcast.
func TestByteRulesLetAlone(t *testing.T) {
	for name, build := range map[string]func(g *qdq) string{
		"read twice": func(g *qdq) string {
			v := g.node("Add", "a", []string{g.pair("x", 0.02, 120), "x/d"})
			g.node("Neg", "z", []string{v})
			g.outputs = append(g.outputs, open("z"))
			return g.pair(v, 0.03, 9)
		},
		"broadcast": func(g *qdq) string {
			x := g.pair("x", 0.02, 120)
			m := g.pair(g.node("ReduceMax", "m", []string{x}, onnx.AttrInts("axes", 2, 3)), 0.02, 120)
			return g.pair(g.node("Add", "a", []string{x, m}), 0.03, 9)
		},
		"other scales": func(g *qdq) string {
			return g.pair(g.node("Transpose", "a", []string{g.pair("x", 0.02, 120)}), 0.03, 120)
		},
	} {
		g := &qdq{r: rand.New(rand.NewPCG(5, 6))}
		g.node("Identity", "y", []string{build(g)})
		g.outputs = append(g.outputs, open("y"))
		_, _, pairs := runQDQ(t, g.model(fixed(4), fixed(4)), noise(g.r, 1, 6, 4, 4))
		if want := len(g.nodes); pairs < 4 {
			t.Errorf("%s: %d Q and DQ of %d nodes ran", name, pairs, want)
		}
	}
}

func noise(r *rand.Rand, shape ...int) *tensor.Tensor {
	n := 1
	for _, d := range shape {
		n *= d
	}
	data := make([]float32, n)
	for i := range data {
		data[i] = float32(r.NormFloat64())
	}
	return tensor.Of(data, shape...)
}

func ExampleEngine_quantised() {
	g := &qdq{r: rand.New(rand.NewPCG(1, 2))}
	g.network()
	m := g.model(fixed(8), fixed(8))
	s, err := runtime.Embedded.LoadModel(m, runtime.Options{Threads: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	out, err := s.Run(context.Background(), map[string]*tensor.Tensor{"x": noise(g.r, 1, 6, 8, 8)})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(m.GetGraph().GetNode()), out["y"])
	// Output: 44 float[1,54,6,6]
}
