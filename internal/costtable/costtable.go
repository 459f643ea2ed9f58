// Package costtable measures what the operators of the search space take on this machine, with the embedded runtime, so
// that a search can weigh them (search.CostTable).
package costtable

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"

	"autodeeplab/decode"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
	adlruntime "autodeeplab/runtime"
	"autodeeplab/search"
)

// Options say for which network to measure.
type Options struct {
	Filters, Blocks, Levels int
	Height, Width           int // of the image
	Threads                 int // 0 is all
	Runs                    int // of each operator, after one that is not counted; the median is taken
	// Progress, if not nil, is told how many of the operators have been measured.
	Progress func(done, all int)
}

// Measure runs each operator and transition at each level of a network of that width, alone, in its inference form
// (normalisation folded). The result is of this machine, and of how busy it is.
func Measure(ctx context.Context, o Options) (*search.CostTable, error) {
	t := &search.CostTable{Format: search.CostTableFormat, Machine: fmt.Sprintf("%s/%s, %d CPUs", runtime.GOOS, runtime.GOARCH, runtime.NumCPU()),
		Filters: o.Filters, Height: o.Height, Width: o.Width}
	space := search.Space{Layers: o.Levels + 1, Blocks: o.Blocks, Filters: o.Filters, Levels: o.Levels, Classes: 2}
	if err := space.Validate(); err != nil {
		return nil, err
	}
	if o.Height < 32 || o.Width < 32 || o.Runs < 1 {
		return nil, fmt.Errorf("%d runs on an image of %d×%d, want at least 1 on one of at least 32×32", o.Runs, o.Height, o.Width)
	}
	sizes := space.Sizes(o.Height, o.Width)
	all, done := o.Levels*(decode.NumOperators+3), 0
	measure := func(g *graph) (float64, error) {
		if o.Progress != nil {
			o.Progress(done, all)
		}
		done++
		if g == nil {
			return 0, nil
		}
		return g.median(ctx, o.Threads, o.Runs)
	}
	for level, size := range sizes {
		row := make([]float64, decode.NumOperators)
		for op := range row {
			var err error
			if row[op], err = measure(operator(decode.Operator(op), space.Channels(level), size)); err != nil {
				return nil, fmt.Errorf("%v at level %d: %w", decode.Operator(op), level, err)
			}
		}
		t.Operators = append(t.Operators, row)

		moves := make([]float64, 3)
		for move := range moves {
			var g *graph
			if to := level + move - 1; to >= 0 && to < o.Levels {
				g = transition(space.Width(level), space.Channels(to), size, sizes[to], move)
			}
			var err error
			if moves[move], err = measure(g); err != nil {
				return nil, fmt.Errorf("move %d from level %d: %w", move, level, err)
			}
		}
		t.Transitions = append(t.Transitions, moves)
	}
	return t, nil
}

// graph is a chain of nodes on one image.
type graph struct {
	g        *onnx.Graph
	channels int
	size     [2]int
	last     string
}

func newGraph(channels int, size [2]int) *graph {
	return &graph{g: &onnx.Graph{Name: "operator", Input: []*onnx.ValueInfo{
		onnx.NewValueInfo("x", tensor.Float32, onnx.FixedDims(1, channels, size[0], size[1]))}}, channels: channels, size: size, last: "x"}
}

// add appends a node that reads the last one's output and the named weights.
func (g *graph) add(op string, weights []string, attributes ...*onnx.Attribute) *graph {
	out := fmt.Sprintf("t%d", len(g.g.Node))
	g.g.Node = append(g.g.Node, onnx.NewNode(op, out, append([]string{g.last}, weights...), []string{out}, attributes...))
	g.last = out
	return g
}

// weight adds an initializer of numbers that are neither 0 nor subnormal.
func (g *graph) weight(shape ...int) string {
	n := 1
	for _, d := range shape {
		n *= d
	}
	data := make([]float32, n)
	for i := range data {
		data[i] = float32(math.Sin(float64(i+1))) / 8
	}
	name := fmt.Sprintf("w%d", len(g.g.Initializer))
	g.g.Initializer = append(g.g.Initializer, onnx.Encode(name, tensor.Of(data, shape...)))
	return name
}

func (g *graph) conv(out, in, k, group, dilation, stride int) *graph {
	pad := k / 2 * dilation
	return g.add("Conv", []string{g.weight(out, in/group, k, k), g.weight(out)},
		onnx.AttrInts("kernel_shape", k, k), onnx.AttrInts("pads", pad, pad, pad, pad), onnx.AttrInts("dilations", dilation, dilation),
		onnx.AttrInts("strides", stride, stride), onnx.AttrInt("group", group))
}

// operator is an operator of a cell; nil for what costs nothing.
func operator(op decode.Operator, c int, size [2]int) *graph {
	g := newGraph(c, size)
	pool := []*onnx.Attribute{onnx.AttrInts("kernel_shape", 3, 3), onnx.AttrInts("pads", 1, 1, 1, 1)}
	separable := func(k int) *graph {
		for range 2 {
			g.add("Relu", nil).conv(c, c, k, c, 1, 1).conv(c, c, 1, 1, 1, 1)
		}
		return g
	}
	switch op {
	case decode.MaxPool3x3:
		return g.add("MaxPool", nil, pool...)
	case decode.AvgPool3x3:
		return g.add("AveragePool", nil, pool...)
	case decode.SepConv3x3:
		return separable(3)
	case decode.SepConv5x5:
		return separable(5)
	case decode.AtrConv3x3:
		return g.add("Relu", nil).conv(c, c, 3, 1, 2, 1)
	case decode.AtrConv5x5:
		return g.add("Relu", nil).conv(c, c, 5, 1, 2, 1)
	}
	return nil
}

// transition is a move of the trellis: 0 up, 1 same, 2 down.
func transition(in, out int, from, to [2]int, move int) *graph {
	g := newGraph(in, from)
	stride := 1
	switch move {
	case 0:
		sizes := fmt.Sprintf("w%d", len(g.g.Initializer))
		g.g.Initializer = append(g.g.Initializer, onnx.Encode(sizes, tensor.Of([]int64{1, int64(in), int64(to[0]), int64(to[1])}, 4)))
		g.add("Resize", []string{"", "", sizes}, onnx.AttrString("mode", "linear"), onnx.AttrString("coordinate_transformation_mode", "align_corners"))
	case 2:
		stride = 2
	}
	return g.add("Relu", nil).conv(out, in, 1, 1, 1, stride)
}

// median runs the graph and gives the median of its times in seconds.
func (g *graph) median(ctx context.Context, threads, runs int) (float64, error) {
	g.g.Output = []*onnx.ValueInfo{onnx.NewValueInfo(g.last, tensor.Float32, nil)}
	m := &onnx.Model{IrVersion: 8, OpsetImport: []*onnx.OpsetID{{Version: 17}}, Graph: g.g}
	session, err := adlruntime.Embedded.LoadModel(m, adlruntime.Options{Threads: threads})
	if err != nil {
		return 0, err
	}
	defer session.Close()
	data := make([]float32, g.channels*g.size[0]*g.size[1])
	for i := range data {
		data[i] = float32(math.Cos(float64(i)))
	}
	in := map[string]*tensor.Tensor{"x": tensor.Of(data, 1, g.channels, g.size[0], g.size[1])}
	var times []float64
	for i := range runs + 1 {
		began := time.Now()
		if _, err := session.Run(ctx, in); err != nil {
			return 0, err
		}
		if i > 0 {
			times = append(times, time.Since(began).Seconds())
		}
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}
