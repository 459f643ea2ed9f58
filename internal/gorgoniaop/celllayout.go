package gorgoniaop

import "fmt"

// The candidate operators in the order of α's last axis (paper §3.1; the authors' release, core/nas_cell.py).
const (
	opNone = iota
	opMaxPool
	opAvgPool
	opSkip
	opSep3
	opSep5
	opAtr3
	opAtr5
	numOps
)

// CellLayout says how the weights and the moments of a cell lie in one vector each, state by state: of every state all
// edges that leave it are computed together.
type CellLayout struct {
	Blocks   int  // B
	Channels int  // of a block: F·2^level
	Previous bool // the cell has a state 1, the node of the same level two layers before
}

// Param is one tensor inside a vector of weights.
type Param struct {
	Name   string // block{i}/state{j}/{operator}/…
	Shape  []int  // row-major; dense kernels are [out, k, k, in], depthwise ones [channels, k, k], pointwise ones [out, in]
	Offset int
	FanIn  int
}

// Size is the number of elements.
func (p Param) Size() int {
	n := 1
	for _, d := range p.Shape {
		n *= d
	}
	return n
}

// AlphaEdges is the number of edges of a cell of so many blocks, α's first axis.
func AlphaEdges(blocks int) int { return blocks*2 + blocks*(blocks-1)/2 }

// alphaEdge is the row of α for the edge from a state to a block.
func alphaEdge(block, state int) int { return AlphaEdges(block) + state }

// firstBlock is the first block that reads a state; all later ones do too.
func firstBlock(state int) int { return max(0, state-1) }

// states is the number of states that edges leave.
func (l CellLayout) states() int { return l.Blocks + 1 }

// present reports whether a state exists.
func (l CellLayout) present(state int) bool { return state != 1 || l.Previous }

// edges is how many edges leave a state.
func (l CellLayout) edges(state int) int { return l.Blocks - firstBlock(state) }

// stateWeights locates the weights of the edges that leave one state: for each of its tensors, the offset of edge 0;
// that of edge e lies e times the tensor's size behind.
type stateWeights struct {
	sep [2][2]struct{ depthwise, pointwise int } // by kernel size 3, 5, then first and second half
	atr [2]int                                   // by kernel size
	end int
}

func (l CellLayout) stateWeights(state int) stateWeights {
	at := 0
	for j := range state {
		if l.present(j) {
			at += l.edges(j) * l.edgeSize()
		}
	}
	var w stateWeights
	e, c := l.edges(state), l.Channels
	for k, size := range kernelSizes {
		for half := range 2 {
			w.sep[k][half].depthwise = at
			at += e * c * size * size
			w.sep[k][half].pointwise = at
			at += e * c * c
		}
	}
	for k, size := range kernelSizes {
		w.atr[k] = at
		at += e * c * c * size * size
	}
	w.end = at
	return w
}

// kernelSizes are those of separable and atrous convolutions, and sepOps and atrOps their operators.
var (
	kernelSizes = [2]int{3, 5}
	sepOps      = [2]int{opSep3, opSep5}
	atrOps      = [2]int{opAtr3, opAtr5}
)

// edgeSize is the number of weights of one edge.
func (l CellLayout) edgeSize() int {
	n := 0
	for _, size := range kernelSizes {
		n += 2*(l.Channels*size*size+l.Channels*l.Channels) + l.Channels*l.Channels*size*size
	}
	return n
}

// Weights is the number of weights of the cell.
func (l CellLayout) Weights() int {
	n := 0
	for j := range l.states() {
		if l.present(j) {
			n += l.edges(j) * l.edgeSize()
		}
	}
	return n
}

// Params lists the tensors in the vector of weights.
func (l CellLayout) Params() []Param {
	var list []Param
	c := l.Channels
	for j := range l.states() {
		if !l.present(j) {
			continue
		}
		w := l.stateWeights(j)
		for e := range l.edges(j) {
			add := func(op, tensor string, at, fanIn int, shape ...int) {
				p := Param{Name: fmt.Sprintf("block%d/state%d/%s%s", firstBlock(j)+e, j, op, tensor), Shape: shape, FanIn: fanIn}
				p.Offset = at + e*p.Size()
				list = append(list, p)
			}
			for k, size := range kernelSizes {
				for half := range 2 {
					op := fmt.Sprintf("sep_conv_%dx%d/", size, size)
					add(op, fmt.Sprintf("depthwise%d", half), w.sep[k][half].depthwise, size*size, c, size, size)
					add(op, fmt.Sprintf("pointwise%d", half), w.sep[k][half].pointwise, c, c, c)
				}
			}
			for k, size := range kernelSizes {
				add(fmt.Sprintf("atr_conv_%dx%d", size, size), "", w.atr[k], c*size*size, c, size, size, c)
			}
		}
	}
	return list
}

// normSlots is how many normalisations an edge has: two for each separable convolution, one for each atrous one.
const normSlots = 6

// Moments is the number of channels that the cell normalises, with so many incoming transitions: each is normalised on
// its own, but for the edges of state 1, which are the same for all of them.
func (l CellLayout) Moments(transitions int) int {
	n := 0
	for j := range l.states() {
		n += l.instances(j, transitions) * l.edges(j) * normSlots * l.Channels
	}
	return n
}

// instances is how many different values a state has: one for each transition, but one in all for state 1.
func (l CellLayout) instances(state, transitions int) int {
	switch {
	case !l.present(state):
		return 0
	case state == 1:
		return 1
	}
	return transitions
}
