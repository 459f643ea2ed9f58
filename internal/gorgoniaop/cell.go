package gorgoniaop

import (
	"fmt"
	"math"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"autodeeplab/internal/kernel"
)

// CellOptions describe a node of the supernet's trellis.
type CellOptions[T kernel.Float] struct {
	CellLayout
	// Moves locates the weight of each incoming transition among the elements of β.
	Moves   []int
	Epsilon float64
	// Moments has CellLayout.Moments(len(Moves)) channels.
	Moments Moments[T]
}

// Cell adds a node of the supernet to the graph of its inputs (paper §4.1, equation 3): for each incoming transition t the
// cell runs with that transition's image as state 0, and the outputs are added up with the weights of β:
//
//	H = Σ_t β_t · Cell(state0_t, state1; α),    block_i = Σ_{j ≤ i+1} Σ_k α[edge(i, j), k] · op_k(state_j)
//
// Inputs are the images [C, N, H, W] of the transitions in the order of Moves, that of state 1 if there is one, the
// weights as CellLayout lays them out, α [edges, 8] and β after their softmax. The output is [B·C, N, H, W].
//
// The operators' weights serve all transitions; normalisation takes each transition for a batch of its own. What
// depends on state 1 alone is computed once.
func Cell[T kernel.Float](env *Env[T], o CellOptions[T], in ...*gorgonia.Node) (*gorgonia.Node, error) {
	return apply(env, &cell[T]{CellOptions: o, env: env}, nil, in...)
}

type cell[T kernel.Float] struct {
	CellOptions[T]
	env *Env[T]

	n, h, w, pixels int
	halo            kernel.Border // around the images of one channel, for taps that reach up to two pixels
	halo1           kernel.Border // the same for pools
	shares          []T           // 1 / number of pixels of the image that a 3×3 average at each pixel covers
	taps            [2][]int      // offsets of a depthwise kernel's taps in halo, by kernel size
	back            [2][]int      // the same mirrored
	poolTaps        []int
	chunks          []chunk
	atrous          atrousTaps

	states [][]*cellState[T] // by state and instance
	blocks [][][]T           // the blocks' values by transition and block
	tasks  []func(*worker[T])
}

// cellState is one state's value, and what its edges make of it, kept from the forward pass for the backward one.
type cellState[T kernel.Float] struct {
	x        []T     // [C, N, H, W]
	max, avg []T     // the pools of x
	which    []uint8 // the tap that each maximum came from, as runs of halo1
	edges    []cellEdge[T]
	atr      [2][]T // the atrous convolutions of all edges, [edges · C, N, H, W]
	inverse  [2][]T // 1/σ of their channels
	moments  Moments[T]
}

// cellEdge is one edge's separable convolutions, by kernel size.
type cellEdge[T kernel.Float] struct {
	sep [2][2]sepHalf[T]
}

// sepHalf is ReLU → depthwise → pointwise → normalisation.
type sepHalf[T kernel.Float] struct {
	y       []T // after the normalisation; what the depthwise convolution gives is cheap to compute again
	inverse []T // 1/σ of each channel
}

// atrousTaps are the taps of the 5×5 kernel of rate 2 that reach the image: the others need no arithmetic. The 3×3
// kernel's are the middle ones among them.
type atrousTaps struct {
	border  kernel.Border // for one chunk, its N left open
	offsets []int
	// bands are, by kernel size, runs of taps that are neighbours both in the kernel and among offsets.
	bands [2][]tapBand
}

type tapBand struct{ kernel, offset, n int } // first tap in the kernel, first in offsets, number

func newAtrousTaps(h, w int) atrousTaps {
	const rate, reach = 2, 2
	a := atrousTaps{border: kernel.Border{H: h, W: w, Pad: rate * reach}}
	live := func(n int) int { return min(reach, (n-1)/rate) } // taps that reach the image on either side of the middle
	ly, lx := live(h), live(w)
	for dy := -ly; dy <= ly; dy++ {
		for dx := -lx; dx <= lx; dx++ {
			a.offsets = append(a.offsets, a.border.Offset(rate*dy, rate*dx))
		}
	}
	for k, size := range kernelSizes {
		r := size / 2
		ry, rx := min(r, ly), min(r, lx)
		for dy := -ry; dy <= ry; dy++ {
			b := tapBand{(dy+r)*size + r - rx, (dy+ly)*(2*lx+1) + lx - rx, 2*rx + 1}
			if last := len(a.bands[k]) - 1; last >= 0 {
				if l := &a.bands[k][last]; l.kernel+l.n == b.kernel && l.offset+l.n == b.offset {
					l.n += b.n
					continue
				}
			}
			a.bands[k] = append(a.bands[k], b)
		}
	}
	return a
}

func (c *cell[T]) String() string {
	return fmt.Sprintf("Cell(blocks=%d channels=%d transitions=%d previous=%t)", c.Blocks, c.Channels, len(c.Moves), c.Previous)
}

// Positions of the inputs behind the images.
func (c *cell[T]) weightsAt() int {
	if c.Previous {
		return len(c.Moves) + 1
	}
	return len(c.Moves)
}
func (c *cell[T]) alphaAt() int { return c.weightsAt() + 1 }
func (c *cell[T]) betaAt() int  { return c.weightsAt() + 2 }

func (c *cell[T]) infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != c.betaAt()+1 {
		return nil, fmt.Errorf("%d inputs, want %d: images, weights, α, β", len(in), c.betaAt()+1)
	}
	for _, s := range in[:c.weightsAt()] {
		if !s.Eq(in[0]) || s.Dims() != 4 || s[0] != c.Channels {
			return nil, fmt.Errorf("images %v, want all of the same shape [%d, N, H, W]", in[:c.weightsAt()], c.Channels)
		}
	}
	if n := in[c.weightsAt()].TotalSize(); n != c.Weights() {
		return nil, fmt.Errorf("%d weights, want %d", n, c.Weights())
	}
	if n := in[c.alphaAt()].TotalSize(); n != AlphaEdges(c.Blocks)*numOps {
		return nil, fmt.Errorf("α of %d elements, want %d", n, AlphaEdges(c.Blocks)*numOps)
	}
	if n := len(c.CellOptions.Moments.Mean); n != c.CellLayout.Moments(len(c.Moves)) {
		return nil, fmt.Errorf("moments of %d channels, want %d", n, c.CellLayout.Moments(len(c.Moves)))
	}
	s := in[0]
	if c.shares == nil {
		c.prepare(s[1], s[2], s[3])
	}
	return tensor.Shape{c.Blocks * c.Channels, s[1], s[2], s[3]}, nil
}

func (c *cell[T]) prepare(n, h, w int) {
	c.n, c.h, c.w, c.pixels = n, h, w, n*h*w
	c.halo, c.halo1 = kernel.Border{N: n, H: h, W: w, Pad: 2}, kernel.Border{N: n, H: h, W: w, Pad: 1}
	for k, size := range kernelSizes {
		for y := -size / 2; y <= size/2; y++ {
			for x := -size / 2; x <= size/2; x++ {
				c.taps[k] = append(c.taps[k], c.halo.Offset(y, x))
				c.back[k] = append(c.back[k], c.halo.Offset(-y, -x))
			}
		}
	}
	for y := -1; y <= 1; y++ {
		for x := -1; x <= 1; x++ {
			c.poolTaps = append(c.poolTaps, c.halo1.Offset(y, x))
		}
	}
	inside := func(i, n int) int { return min(i+1, n-1) - max(i-1, 0) + 1 }
	for range n {
		for y := range h {
			for x := range w {
				c.shares = append(c.shares, 1/T(inside(y, h)*inside(x, w)))
			}
		}
	}
	c.chunks = cutImages(n, h, w)
	c.atrous = newAtrousTaps(h, w)
	c.states = make([][]*cellState[T], c.CellLayout.states())
	c.blocks = make([][][]T, len(c.Moves))
}

// allocate takes the memory that is kept from the forward to the backward pass: once for each cell in training, and the
// same for all cells in evaluation.
func (c *cell[T]) allocate() {
	take := func(n int) []T { return make([]T, n) }
	takeBytes := func(n int) []uint8 { return make([]uint8, n) }
	if c.env.Evaluate {
		c.env.kept.reset()
		take, takeBytes = c.env.kept.take, c.env.kept.takeBytes
	}
	size := c.Channels * c.pixels
	for t := range c.blocks {
		c.blocks[t] = make([][]T, c.Blocks)
		for i := range c.blocks[t] {
			c.blocks[t][i] = take(size)
		}
	}
	channel := 0
	for j := range c.states {
		e := c.edges(j)
		c.states[j] = make([]*cellState[T], c.instances(j, len(c.Moves)))
		for t := range c.states[j] {
			s := &cellState[T]{max: take(size), avg: take(size), which: takeBytes(c.Channels * c.halo1.Span()), edges: make([]cellEdge[T], e)}
			for i := range s.edges {
				for k := range kernelSizes {
					for half := range 2 {
						s.edges[i].sep[k][half] = sepHalf[T]{take(size), take(c.Channels)}
					}
				}
			}
			for k := range kernelSizes {
				s.atr[k], s.inverse[k] = take(e*size), take(e*c.Channels)
			}
			end := channel + e*normSlots*c.Channels
			s.moments = c.CellOptions.Moments.slice(channel, end)
			channel = end
			if j >= 2 {
				s.x = c.blocks[t][j-2]
			}
			c.states[j][t] = s
		}
	}
}

// at gives a state as transition t sees it.
func (c *cell[T]) at(state, t int) *cellState[T] {
	if state == 1 {
		t = 0
	}
	return c.states[state][t]
}

// norm gives the moments of one of an edge's normalisations.
func (c *cell[T]) norm(s *cellState[T], edge, slot int) Moments[T] {
	at := (edge*normSlots + slot) * c.Channels
	return s.moments.slice(at, at+c.Channels)
}

// Slots of an edge's normalisations.
func sepSlot(k, half int) int { return 2*k + half }
func atrSlot(k int) int       { return 4 + k }

// run does the collected tasks.
func (c *cell[T]) run() {
	c.env.each(len(c.tasks), func(w *worker[T], i int) { c.tasks[i](w) })
	c.tasks = c.tasks[:0]
}

func (c *cell[T]) task(f func(*worker[T])) { c.tasks = append(c.tasks, f) }

// bordered expands one channel of images into slab slot of w, within zeros.
func bordered[T kernel.Float](w *worker[T], slot int, b kernel.Border, row []T, border T) []T {
	run := w.slab(slot, b.Len())
	fill(run, border)
	kernel.Expand(b, run, row)
	return run
}

var leastFloat = math.Inf(-1)
