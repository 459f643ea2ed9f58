package kernel

import (
	"sync"

	"autodeeplab/internal/kernel/toomcook"
	"autodeeplab/internal/offheap"
)

//go:generate go run ./asm -family winograd -out winograd_amd64.s -stubs winograd_stub_amd64.go

// Winograd convolution: a tile of M×M outputs is Aᵀ(U ∘ V)A, where U is the filter and V = Bᵀ·d·B the tile's N×N inputs,
// both in terms of their values at N×N points (package toomcook). Summed over input channels, the products at one point
// are a matrix product [Out, In] · [In, tiles]. So a task takes a group of tiles as columns and goes through
//
//	stage      the input under a line of tiles, padded and taken apart into M phases, so that lane l of a vector belongs
//	           to the l-th tile of the line
//	transform  into V, one matrix [In, tiles] for each point, packed as the GEMM micro-kernels read it
//	multiply   by U, which was transformed and packed at load, for a block of output channels
//	transform  the block's products back, add bias, clamp, and join the phases in the rows of the output
//
// V and the products of a block are a few MiB at most, whatever the size of the image.
//
// A convolution of dilation r is r² ordinary ones, on the r² images of every r-th row and column. Tiles of all of them
// are columns of the same products: along a line, the r tiles (one of each image) that begin at neighbouring pixels stand
// side by side, then the r that begin M·r pixels further on, so that lanes stay neighbours in memory.

// The error of an output is at most 16·2⁻²⁴ times the largest input times the sum of the sizes of its channel's weights,
// for 64 channels and inputs of any kind (TestWinogradError; the plain sum in float32 gets up to 24). Unlike the plain
// sum's it does not shrink where a tile's inputs are small beside its neighbours', and an infinite or NaN input spoils
// all outputs of its tiles.

// winogradAlgorithm is an algorithm with its matrices.
type winogradAlgorithm struct {
	*toomcook.Algorithm
	index         int // in toomcook.Algorithms
	n, points     int // inputs of a tile along one axis, and in all
	input, output [][]float32
	filter        [][]float64
}

var winogradAlgorithms = func() []*winogradAlgorithm {
	list := make([]*winogradAlgorithm, len(toomcook.Algorithms))
	for i := range list {
		a := &toomcook.Algorithms[i]
		list[i] = &winogradAlgorithm{Algorithm: a, index: i, n: a.N(), points: a.N() * a.N(),
			input: narrow(a.Input()), output: narrow(a.Output()), filter: a.Filter()}
	}
	return list
}()

func narrow(m [][]float64) [][]float32 {
	out := make([][]float32, len(m))
	for i, row := range m {
		out[i] = make([]float32, len(row))
		for j, v := range row {
			out[i][j] = float32(v)
		}
	}
	return out
}

// winograd holds what a convolution's weights become under each algorithm, made when first wanted.
type winograd struct {
	mk      *microKernel
	in, out int
	panels  panels
	height  axis
	width   axis
	weights []float32 // [Out, In, R, R]
	bias    []float32
	clamp   [2]float32
	filters []winogradFilter // by algorithm
}

type winogradFilter struct {
	once   sync.Once
	data   []float32 // for each point a matrix [Out, In] in panels
	memory *offheap.Block
}

// newWinograd gives nil for a convolution that no algorithm fits.
func newWinograd(mk *microKernel, p *ConvParams, weights []float32, e Epilogue) *winograd {
	if len(p.Kernel) != 2 || p.Groups != 1 || p.Kernel[0] != p.Kernel[1] || p.Strides[0] != 1 || p.Strides[1] != 1 {
		return nil
	}
	w := &winograd{mk: mk, in: p.In, out: p.Out, panels: cutPanels(p.Out, mk.rows), weights: weights,
		bias: make([]float32, p.Out), clamp: [2]float32{e.Lo, e.Hi}, filters: make([]winogradFilter, len(winogradAlgorithms)),
		height: axis{p.Kernel[0], 1, p.Dilations[0]}, width: axis{p.Kernel[1], 1, p.Dilations[1]}}
	copy(w.bias, e.Bias)
	for _, a := range winogradAlgorithms {
		if a.R == w.width.kernel {
			return w
		}
	}
	return nil
}

// filter gives the weights in terms of an algorithm's points.
func (w *winograd) filter(a *winogradAlgorithm) []float32 {
	f := &w.filters[a.index]
	f.once.Do(func() {
		f.memory = offheap.New(4 * a.points * w.out * w.in)
		f.data = f.memory.Floats()
		w.transformFilter(a, f.data)
	})
	return f.data
}

// transformFilter computes G·g·Gᵀ in float64, so that U is rounded once only.
func (w *winograd) transformFilter(a *winogradAlgorithm, data []float32) {
	half := make([]float64, a.n*a.R)
	for panel := range w.panels.count {
		start, rows := w.panels.start(panel), w.panels.rows(panel)
		for r := range rows {
			for c := range w.in {
				g := w.weights[((start+r)*w.in+c)*a.R*a.R:][:a.R*a.R]
				for i, row := range a.filter {
					for x := range a.R {
						sum := 0.0
						for y, v := range row {
							sum += v * float64(g[y*a.R+x])
						}
						half[i*a.R+x] = sum
					}
				}
				at := start*w.in + c*rows + r
				for i := range a.n {
					for _, row := range a.filter {
						sum := 0.0
						for x, v := range row {
							sum += v * half[i*a.R+x]
						}
						data[at] = float32(sum)
						at += w.out * w.in
					}
				}
			}
		}
	}
}

// stageLanes is the length of a staged phase: a panel of tiles, those under the taps to their right, and what whole
// vectors read and write beyond them. The assembly knows it, too.
const stageLanes = 128

// winogradSlack is how far whole vectors may reach beyond what is asked for, in float32.
const winogradSlack = 16

// winogradPlan is how one run is cut.
type winogradPlan struct {
	w                  *winograd
	a                  *winogradAlgorithm
	s                  *ConvShape
	lines, lineTiles   int // tiles along the axes of an image
	tiles              int // of all images
	groupTiles, groups int
	groupPanels        int // of V
	blockPanels        int // of U, whose products are kept at a time
	chunks             int
	threads            int
	pointLd, productLd int // from point to point, in V and in the products
	// swapped says that images are [channels, batch, …] instead of [batch, channels, …].
	swapped bool
}

// plane gives the number of the plane of a channel, of so many, of an image.
func (p *winogradPlan) plane(image, channel, channels int) int {
	if p.swapped {
		return channel*p.s.Batch + image
	}
	return image*channels + channel
}

// A group's V and a block's products aim at these sizes, in float32: about what the second-level cache holds. Where a
// single panel of V is larger, it is read from the third level.
const (
	inputElems   = 3 << 17
	productElems = 1 << 16
	// Of filters of more than largeFilter elements more panels share what is read of V. One of more than hugeFilter comes
	// from the third level or from memory once for each group, so that groups are wider: that costs V its place in the
	// second level, but less often.
	largeFilter       = 1 << 21
	hugeFilter        = 1 << 22
	hugeInputElems    = 3 << 18
	largeProductElems = 1 << 18
	// maxInputElems is the most that one panel of V may take.
	maxInputElems = 1 << 22
)

// plan cuts a run. ok is false for shapes that staging has no room for, or whose V would take too much memory.
func (w *winograd) plan(a *winogradAlgorithm, s *ConvShape, threads int) (p winogradPlan, ok bool) {
	p = winogradPlan{w: w, a: a, s: s, threads: threads}
	if a.R != w.width.kernel || (a.n-1)/a.M*w.width.dilation+w.mk.cols+winogradSlack > stageLanes {
		return p, false
	}
	p.lines, p.lineTiles = tileCount(s.Out[0], a.M, w.height.dilation), tileCount(s.Out[1], a.M, w.width.dilation)
	p.tiles = s.Batch * p.lines * p.lineTiles
	p.pointLd = w.in*w.mk.cols + winogradSlack
	all := ceilDiv(p.tiles, w.mk.cols)
	elems, products := inputElems, productElems
	switch n := a.points * w.in * w.out; {
	case n > hugeFilter:
		elems, products = hugeInputElems, largeProductElems
	case n > largeFilter:
		products = largeProductElems
	}
	p.groupPanels = max(min(elems/(a.points*p.pointLd), all, 8), 1)
	for threads > 1 && p.groupPanels > 1 && ceilDiv(all, p.groupPanels) < 4*threads {
		p.groupPanels--
	}
	p.groupPanels = ceilDiv(all, max(ceilDiv(all, p.groupPanels), 1))
	p.groupTiles = p.groupPanels * w.mk.cols
	p.groups = ceilDiv(p.tiles, p.groupTiles)
	p.chunks = 1
	for threads > 1 && p.groups*p.chunks < 4*threads && w.panels.count/(2*p.chunks) >= 4 {
		p.chunks *= 2
	}
	share := ceilDiv(w.panels.count, p.chunks)
	p.blockPanels = max(min(products/(a.points*p.groupTiles*w.mk.rows), share), 1)
	p.blockPanels = ceilDiv(share, ceilDiv(share, p.blockPanels))
	p.productLd = p.blockPanels*w.mk.rows*p.groupTiles + winogradSlack
	return p, a.points*p.pointLd <= maxInputElems
}

// tileCount is how many tiles of m outputs cover n pixels, of every d-th one each.
func tileCount(n, m, d int) int {
	if n == 0 {
		return 0
	}
	whole := (n - 1) / (m * d)
	return whole*d + min(d, n-whole*m*d)
}

// scratch is what one thread wants.
func (p *winogradPlan) scratch() int {
	return p.inputLen() + p.productLen() + p.stageLen() + p.tmpLen() + p.resultLen()
}

func (p *winogradPlan) inputLen() int   { return p.groupPanels * p.a.points * p.pointLd }
func (p *winogradPlan) productLen() int { return p.a.points * p.productLd }
func (p *winogradPlan) stageLen() int   { return p.a.n * p.a.M * stageLanes }
func (p *winogradPlan) tmpLen() int     { return p.a.points * winogradSlack }
func (p *winogradPlan) resultLen() int  { return p.a.M * p.a.M * stageLanes }
