package train

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"autodeeplab/compile"
	"autodeeplab/decode"
	"autodeeplab/internal/kernel"
	"autodeeplab/internal/testenv"
	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
)

// publishedNetwork is the published architecture with few filters.
func publishedNetwork[T kernel.Float](t testing.TB, filters, classes int, o NetworkOptions) *Network[T] {
	t.Helper()
	m, err := compile.Compile(decode.Published(), compile.Options{Filters: filters, Classes: classes, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	n, err := NewNetwork[T](m, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// noise is a batch of random images and labels.
func noise[T kernel.Float](o NetworkOptions, classes int, seed uint64) ([]T, []uint8) {
	r := rand.New(rand.NewPCG(seed, 0))
	image, labels := make([]T, 3*o.Batch*o.Height*o.Width), make([]uint8, o.Batch*o.Height*o.Width)
	for i := range image {
		image[i] = T(r.IntN(256))
	}
	for i := range labels {
		labels[i] = uint8(r.IntN(classes))
	}
	return image, labels
}

// descend is a step of plain gradient descent.
func descend[T kernel.Float](n *Network[T], rate T) {
	for _, p := range n.Parameters() {
		for j, g := range p.Gradient {
			p.Value[j] -= rate * g
		}
		clear(p.Gradient)
	}
}

func TestStepLearns(t *testing.T) {
	if testenv.Race {
		t.Skip("slow")
	}
	o := NetworkOptions{Batch: 2, Height: 65, Width: 65, BNDecay: 0.9, Ignore: 255, DropPath: 0.95, Dropout: 0.1}
	n := publishedNetwork[float32](t, 4, 5, o)
	image, labels := noise[float32](o, 5, 1)
	for i := range labels {
		labels[i] = uint8(i / 65 % 65 / 13) // bands
	}
	var losses []float64
	for i := range 12 {
		loss, err := n.Step(image, labels, Random{Seed: 1, Step: i, Steps: 12})
		if err != nil {
			t.Fatal(err)
		}
		losses = append(losses, loss)
		descend(n, 0.1)
	}
	if last := losses[len(losses)-1]; !(last < 0.6*losses[0]) {
		t.Errorf("losses %.3v", losses)
	}
}

// TestStepIsDeterministic holds that neither the number of threads nor what ran before changes a bit, and that networks
// of other sizes share parameters.
func TestStepIsDeterministic(t *testing.T) {
	o := NetworkOptions{Batch: 2, Height: 65, Width: 81, BNDecay: 0.9, Ignore: 255, DropPath: 0.7, Dropout: 0.2}
	image, labels := noise[float32](o, 5, 2)
	run := func(threads int) (bits []uint32) {
		o.Threads = threads
		n := publishedNetwork[float32](t, 3, 5, o)
		small := o
		small.Height, small.Width = 33, 49
		other, err := n.Resized(small)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		for i := range 2 {
			if _, err := n.Step(image, labels, Random{Seed: 3, Step: i, Steps: 2, Part: i}); err != nil {
				t.Fatal(err)
			}
			descend(n, 0.1)
			if _, err := other.Step(image[:3*2*33*49], labels[:2*33*49], Random{Seed: 3, Step: i, Steps: 2}); err != nil {
				t.Fatal(err)
			}
			descend(other, 0.1)
		}
		for _, p := range n.Parameters() {
			for _, v := range p.Value {
				bits = append(bits, math.Float32bits(v))
			}
		}
		for _, m := range n.Moments() {
			for _, v := range slices.Concat(m.Mean, m.Variance) {
				bits = append(bits, math.Float32bits(v))
			}
		}
		return bits
	}
	others := []int{2, 5}
	if testenv.Race {
		others = others[:1]
	}
	one := run(1)
	for _, threads := range others {
		if !slices.Equal(run(threads), one) {
			t.Errorf("%d threads give other bits than 1", threads)
		}
	}
}

// TestStepAccumulates holds that a step adds to the gradients, and that ignored batches leave them alone.
func TestStepAccumulates(t *testing.T) {
	o := NetworkOptions{Batch: 2, Height: 21, Width: 25, FreezeBN: true, BNDecay: 1, Ignore: 9}
	m, err := onnx.Load("testdata/foreign.onnx", onnx.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	n, err := NewNetwork[float64](m, o)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	image, labels := noise[float64](o, 4, 4)
	step := func() float64 {
		loss, err := n.Step(image, labels, Random{})
		if err != nil {
			t.Fatal(err)
		}
		return loss
	}
	step()
	once := slices.Clone(n.Parameters()[0].Gradient)
	step()
	for i, g := range n.Parameters()[0].Gradient {
		if g != 2*once[i] {
			t.Fatalf("gradient %d is %v after two steps, %v after one", i, g, once[i])
		}
	}
	for i := range labels {
		labels[i] = 9
	}
	if loss := step(); loss != 0 {
		t.Errorf("the loss of ignored pixels is %v", loss)
	}
	labels[0] = 4
	if _, err := n.Step(image, labels, Random{}); err == nil || !strings.Contains(err.Error(), "label 4") {
		t.Errorf("a label out of range: %v", err)
	}
}

// TestModelRunsAsTrained holds that the embedded runtime gives the loss that the network has with frozen moving averages:
// after training, for the inference form of what Model writes.
func TestModelRunsAsTrained(t *testing.T) {
	o := NetworkOptions{Batch: 2, Height: 65, Width: 49, BNDecay: 0.5, Ignore: 255}
	n := publishedNetwork[float32](t, 3, 5, o)
	image, labels := noise[float32](o, 5, 6)
	for i := range 3 {
		if _, err := n.Step(image, labels, Random{Step: i, Steps: 3}); err != nil {
			t.Fatal(err)
		}
		descend(n, 0.1)
	}
	o.FreezeBN = true
	frozen, err := n.Resized(o)
	if err != nil {
		t.Fatal(err)
	}
	defer frozen.Close()
	got, err := frozen.Step(image, labels, Random{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := n.Model()
	if err != nil {
		t.Fatal(err)
	}
	if m, err = compile.Inference(m); err != nil {
		t.Fatal(err)
	}
	session, err := runtime.Embedded.LoadModel(m, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	out, err := session.Run(t.Context(), map[string]*tensor.Tensor{"image": tensor.Of(image, 2, 3, 65, 49)})
	if err != nil {
		t.Fatal(err)
	}
	logits, pixels, want := tensor.Data[float32](out["logits"]), 65*49, 0.0
	for i, label := range labels {
		at, sum := i/pixels*5*pixels+i%pixels, 0.0
		for c := range 5 {
			sum += math.Exp(float64(logits[at+c*pixels]))
		}
		want += (math.Log(sum) - float64(logits[at+int(label)*pixels])) / float64(len(labels))
	}
	if math.Abs(got-want) > 1e-5*want {
		t.Errorf("loss %v, by the runtime's logits %v", got, want)
	}
}

// tiny is a model of one node behind a convolution.
func tiny(op string, inputs []string, initial map[string]*tensor.Tensor, attrs ...*onnx.Attribute) *onnx.Model {
	g := &onnx.Graph{
		Name: "tiny",
		Node: []*onnx.Node{
			onnx.NewNode("Conv", "conv", []string{"image", "w"}, []string{"x"}),
			onnx.NewNode(op, "node", inputs, []string{"y"}, attrs...),
		},
		Input:  []*onnx.ValueInfo{onnx.NewValueInfo("image", tensor.Float32, []*onnx.Dim{onnx.NamedDim("n"), onnx.FixedDim(3), onnx.NamedDim("h"), onnx.NamedDim("w")})},
		Output: []*onnx.ValueInfo{onnx.NewValueInfo("y", tensor.Float32, nil)},
	}
	g.Initializer = append(g.Initializer, onnx.Encode("w", tensor.Of(make([]float32, 12), 4, 3, 1, 1)))
	for name, v := range initial {
		g.Initializer = append(g.Initializer, onnx.Encode(name, v))
	}
	return &onnx.Model{IrVersion: 8, OpsetImport: []*onnx.OpsetID{{Version: 17}}, Graph: g}
}

func TestUntrainable(t *testing.T) {
	vector := tensor.Of([]float32{1, 2, 3, 4, 5}, 5)
	for _, c := range []struct {
		name, op string
		inputs   []string
		initial  map[string]*tensor.Tensor
		attrs    []*onnx.Attribute
		want     string // "" builds
	}{
		{name: "no gradient", op: "Erf", inputs: []string{"x"}, want: `node "node" (Erf): cannot be trained: the operator has no gradient here`},
		{name: "two images", op: "Mul", inputs: []string{"x", "x"}, want: "2 images"},
		{name: "a row", op: "Add", inputs: []string{"x", "v"}, initial: map[string]*tensor.Tensor{"v": vector}, want: "neither one number nor one a channel"},
		{name: "a reciprocal", op: "Div", inputs: []string{"v", "x"}, initial: map[string]*tensor.Tensor{"v": tensor.Scalar(float32(1))}, want: "a constant is divided"},
		{name: "rows", op: "Concat", inputs: []string{"x", "x"}, attrs: []*onnx.Attribute{onnx.AttrInt("axis", 2)}, want: `"axis" is 2`},
		{name: "weights", op: "Conv", inputs: []string{"x", "x"}, want: "want a constant of float"},
		{name: "a constant", op: "Sub", inputs: []string{"v", "x"}, initial: map[string]*tensor.Tensor{"v": tensor.Of([]float32{1, 2, 3, 4}, 4, 1, 1)}},
		{name: "relu", op: "Relu", inputs: []string{"x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, err := NewNetwork[float32](tiny(c.op, c.inputs, c.initial, c.attrs...), NetworkOptions{Batch: 2, Height: 5, Width: 5})
			if err == nil {
				image, labels := noise[float32](n.o, 4, 1)
				if _, err := n.Step(image, labels, Random{}); err != nil {
					t.Error(err)
				}
				n.Close()
			}
			switch node := new(check.NodeError); {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want == "":
			case err == nil || !errors.Is(err, ErrUntrainable) || !errors.As(err, &node) || !strings.Contains(err.Error(), c.want):
				t.Errorf("error %v, want one about %s", err, c.want)
			}
		})
	}
	m, err := compile.Compile(decode.Published(), compile.Options{Filters: 1, Classes: 2})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewNetwork[float32](m, NetworkOptions{Batch: 1, Height: 33, Width: 33}); err == nil || !strings.Contains(err.Error(), "--freeze-bn") {
		t.Errorf("a batch of one image, whose pooled branch has one value a channel: %v", err)
	}
	for _, o := range []NetworkOptions{{}, {Batch: 1, Height: 5, Width: 5, Smoothing: 1}, {Batch: 1, Height: 5, Width: 5, ClassWeights: []float64{1}}} {
		if _, err := NewNetwork[float32](tiny("Relu", []string{"x"}, nil), o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}
