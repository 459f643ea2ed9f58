package gorgoniaop

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"autodeeplab/internal/kernel"
)

// gradientCase is an operator as a function of float64 inputs of given shapes.
type gradientCase struct {
	name   string
	shapes []tensor.Shape
	build  func(env *Env[float64], in []*gorgonia.Node) (*gorgonia.Node, error)
}

// machine is a graph whose scalar output is Σ weight·operator, with its gradients.
type machine struct {
	in    []*tensor.Dense
	vm    gorgonia.VM
	loss  *gorgonia.Node
	grads gorgonia.Nodes
}

func newMachine(t *testing.T, c gradientCase, threads int, r *rand.Rand) *machine {
	t.Helper()
	pool := kernel.NewPool(threads)
	t.Cleanup(pool.Close)
	env := NewEnv[float64](pool)
	g := gorgonia.NewGraph()
	m := new(machine)
	random := func(s tensor.Shape) *tensor.Dense {
		d := newTensor[float64](s)
		for i := range elements[float64](d) {
			elements[float64](d)[i] = r.NormFloat64()
		}
		return d
	}
	var nodes gorgonia.Nodes
	for i, s := range c.shapes {
		d := random(s)
		m.in = append(m.in, d)
		nodes = append(nodes, gorgonia.NewTensor(g, gorgonia.Float64, s.Dims(), gorgonia.WithName(fmt.Sprintf("input%d", i)), gorgonia.WithShape(s...), gorgonia.WithValue(d)))
	}
	out, err := c.build(env, nodes)
	if err != nil {
		t.Fatal(err)
	}
	m.loss = out
	if out.Shape().Dims() > 0 {
		weights := gorgonia.NewTensor(g, gorgonia.Float64, out.Shape().Dims(), gorgonia.WithName("weights"), gorgonia.WithShape(out.Shape()...), gorgonia.WithValue(random(out.Shape())))
		m.loss = gorgonia.Must(gorgonia.Sum(gorgonia.Must(gorgonia.HadamardProd(out, weights))))
	}
	if m.grads, err = gorgonia.Grad(m.loss, nodes...); err != nil {
		t.Fatal(err)
	}
	m.vm = gorgonia.NewTapeMachine(g)
	t.Cleanup(func() { m.vm.Close() })
	return m
}

func (m *machine) run(t *testing.T) float64 {
	t.Helper()
	m.vm.Reset()
	if err := m.vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	return m.loss.Value().Data().(float64)
}

func shape(n ...int) tensor.Shape { return n }

func allLive(n int) []bool {
	live := make([]bool, n)
	for i := range live {
		live[i] = true
	}
	return live
}

func convCase(name string, x, w tensor.Shape, o ConvOptions[float64]) gradientCase {
	shapes := []tensor.Shape{x, w}
	if o.Bias {
		shapes = append(shapes, shape(w[0]))
	}
	return gradientCase{name, shapes, func(env *Env[float64], in []*gorgonia.Node) (*gorgonia.Node, error) {
		o.Moments = NewMoments[float64](w[0])
		o.Epsilon = 1e-3
		return Conv(env, o, in...)
	}}
}

func cellCase(name string, o CellOptions[float64], n, h, w int) gradientCase {
	var shapes []tensor.Shape
	for range o.Moves {
		shapes = append(shapes, shape(o.Channels, n, h, w))
	}
	if o.Previous {
		shapes = append(shapes, shape(o.Channels, n, h, w))
	}
	shapes = append(shapes, shape(o.Weights()), shape(AlphaEdges(o.Blocks), numOps), shape(2, 2, 3))
	return gradientCase{name, shapes, func(env *Env[float64], in []*gorgonia.Node) (*gorgonia.Node, error) {
		o.Moments = NewMoments[float64](o.CellLayout.Moments(len(o.Moves)))
		o.Epsilon = 1e-3
		return Cell(env, o, in...)
	}}
}

func gradientCases() []gradientCase {
	labels := &Labels{Ignore: 255, Classes: []uint8{0, 2, 255, 1, 1, 0, 2, 2, 255, 0, 1, 2}}
	costs := Costs{Operators: [][numOps]float64{{0, 1, 2, 3, 4, 5, 6, 7}, {7, 5, 3, 1, 2, 4, 6, 8}}, Arrows: []CostArrow{
		{Beta: 1, From: 0, To: 1, Level: 0, Cost: 2}, {Beta: 2, From: 0, To: 2, Level: 1, Cost: 3},
		{Beta: 7, From: 1, To: 3, Level: 0, Cost: 1}, {Beta: 8, From: 1, To: 4, Level: 1, Cost: 5}, {Beta: 9, From: 2, To: 3, Level: 0}, {Beta: 10, From: 2, To: 4, Level: 1, Cost: 7},
	}}
	return []gradientCase{
		convCase("conv 3×3", shape(2, 2, 5, 7), shape(3, 2, 3, 3), ConvOptions[float64]{Norm: true}),
		convCase("conv after relu, stride 2, even size", shape(3, 2, 6, 4), shape(2, 3, 3, 3), ConvOptions[float64]{Relu: true, Stride: 2, Norm: true}),
		convCase("pointwise after relu with bias", shape(3, 2, 4, 3), shape(4, 3, 1, 1), ConvOptions[float64]{Relu: true, Bias: true}),
		convCase("pointwise, stride 2", shape(2, 1, 5, 6), shape(3, 2, 1, 1), ConvOptions[float64]{Stride: 2, Norm: true}),
		convCase("dilation beyond the image", shape(2, 2, 3, 9), shape(2, 2, 3, 3), ConvOptions[float64]{Relu: true, Dilation: 4, Norm: true}),
		convCase("several chunks", shape(1, 2, 30, 40), shape(2, 1, 3, 3), ConvOptions[float64]{Norm: true}),
		{"resize up", []tensor.Shape{shape(2, 2, 3, 4)}, func(env *Env[float64], in []*gorgonia.Node) (*gorgonia.Node, error) {
			return Resize(env, 5, 8, in[0])
		}},
		{"global average after relu", []tensor.Shape{shape(2, 3, 4, 2)}, func(env *Env[float64], in []*gorgonia.Node) (*gorgonia.Node, error) {
			return GlobalAverage(env, true, in[0])
		}},
		{"concat with broadcast", []tensor.Shape{shape(2, 2, 3, 2), shape(3, 2, 1, 1), shape(1, 2, 3, 2)}, func(env *Env[float64], in []*gorgonia.Node) (*gorgonia.Node, error) {
			return Concat(env, in...)
		}},
		{"softmax", []tensor.Shape{shape(3, 8)}, func(env *Env[float64], in []*gorgonia.Node) (*gorgonia.Node, error) {
			return Softmax(env, allLive(24), in[0])
		}},
		{"masked softmax", []tensor.Shape{shape(2, 2, 3)}, func(env *Env[float64], in []*gorgonia.Node) (*gorgonia.Node, error) {
			return Softmax(env, []bool{false, true, true, false, false, false, true, false, false, true, true, true}, in[0])
		}},
		{"cross-entropy", []tensor.Shape{shape(3, 2, 2, 3)}, func(env *Env[float64], in []*gorgonia.Node) (*gorgonia.Node, error) {
			return CrossEntropy(env, labels, in[0])
		}},
		{"expected cost", []tensor.Shape{shape(2, 8), shape(2, 2, 3)}, func(env *Env[float64], in []*gorgonia.Node) (*gorgonia.Node, error) {
			return ExpectedCost(env, costs, in[0], in[1])
		}},
		cellCase("cell of one transition", CellOptions[float64]{CellLayout: CellLayout{Blocks: 2, Channels: 2}, Moves: []int{4}}, 2, 6, 5),
		cellCase("cell of three transitions", CellOptions[float64]{CellLayout: CellLayout{Blocks: 3, Channels: 2, Previous: true}, Moves: []int{2, 7, 9}}, 2, 5, 9),
		cellCase("cell on tiny images", CellOptions[float64]{CellLayout: CellLayout{Blocks: 2, Channels: 3, Previous: true}, Moves: []int{2, 7}}, 3, 2, 3),
	}
}

// TestGradients compares the gradient of every input of every operator with central differences.
func TestGradients(t *testing.T) {
	for _, c := range gradientCases() {
		t.Run(c.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(3, 4))
			m := newMachine(t, c, 2, r)
			m.run(t)
			var grads [][]float64
			for _, g := range m.grads {
				grads = append(grads, slices.Clone(elements[float64](g.Value())))
			}
			for i, in := range m.in {
				x := elements[float64](in)
				for _, at := range r.Perm(len(x))[:min(len(x), 12)] {
					const eps = 1e-6
					old := x[at]
					x[at] = old + eps
					above := m.run(t)
					x[at] = old - eps
					below := m.run(t)
					x[at] = old
					if got, want := grads[i][at], (above-below)/(2*eps); math.Abs(got-want) > 1e-5*(1+math.Abs(want)) {
						t.Errorf("input %d, element %d: gradient %g, differences give %g", i, at, got, want)
					}
				}
			}
		})
	}
}

// TestThreads compares the bytes of every gradient for one thread and for several.
func TestThreads(t *testing.T) {
	for _, c := range gradientCases() {
		t.Run(c.name, func(t *testing.T) {
			one, many := newMachine(t, c, 1, rand.New(rand.NewPCG(5, 6))), newMachine(t, c, 5, rand.New(rand.NewPCG(5, 6)))
			if a, b := one.run(t), many.run(t); a != b {
				t.Errorf("output %v with one thread, %v with five", a, b)
			}
			for i := range one.grads {
				if !slices.Equal(elements[float64](one.grads[i].Value()), elements[float64](many.grads[i].Value())) {
					t.Errorf("the gradient of input %d depends on the number of threads", i)
				}
			}
		})
	}
}
