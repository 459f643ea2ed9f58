package decode

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// NumMoves is the length of β's last axis: [Up], [Same], [Down].
const NumMoves = 3

// Limits of a Relaxation.
const (
	// MaxLogit bounds the absolute value of every logit. e^-1000 is far below what float64 can hold, so that no choice
	// is lost, and the sums of [MaxLayers] of them keep their full precision. See [Path].
	MaxLogit = 1000
	// MaxInfoBytes bounds the keys and values of Info together.
	MaxInfoBytes = 64 << 10
)

// Relaxation is what a search learns: the logits, before softmax, of the operators of a cell's edges (α) and of the
// moves between levels (β), as spec §5 lays them out. Both are dense, row-major, float32.
type Relaxation struct {
	Blocks int // B, the blocks of a cell: 1 to MaxBlocks
	Layers int // L, the layers: 1 to MaxLayers
	Levels int // the rows of the trellis: 1 to NumLevels

	// Alpha is [Edges(Blocks), NumOperators]. A cell's edges are in the order of its blocks, a block's in the order of
	// the states that it may read: block 0 reads states 0 (H^{l-1}) and 1 (H^{l-2}), block 1 reads 0, 1 and 2, and so
	// on. See [EdgeIndex].
	Alpha []float32
	// Beta is [Layers, Levels, NumMoves]: β[l, k, m] is the move m that *leaves* level k of layer l-1 (layer -1 is the
	// stem, at level 0 alone) and arrives at level k+m-1 of layer l. The elements that stand for no move of the trellis
	// ([Relaxation.Masked]) are not looked at, and are 0 in files.
	Beta []float32

	// Info is for people: data set, seed, step and the like. It has no effect on decoding.
	Info map[string]string
}

// NewRelaxation returns a relaxation of that shape with all logits 0, which prefers nothing. The shape is not checked.
func NewRelaxation(blocks, layers, levels int) *Relaxation {
	return &Relaxation{
		Blocks: blocks, Layers: layers, Levels: levels,
		Alpha: make([]float32, Edges(blocks)*NumOperators),
		Beta:  make([]float32, layers*levels*NumMoves),
	}
}

// Edges returns the number of edges of a cell: block i has one from each of its 2+i states. It is 20 for 5 blocks.
func Edges(blocks int) int { return blocks * (blocks + 3) / 2 }

// EdgeIndex returns the row of α that holds the edge from a state to a block.
func EdgeIndex(block, input int) int { return Edges(block) + input }

// Reachable reports whether the trellis has a node at level k of layer l, both from 0: the path starts at level 0 of the
// stem, which is layer -1, and goes down by at most one level a layer. The last layer is not checked.
func (r *Relaxation) Reachable(l, k int) bool { return l >= -1 && k >= 0 && k < r.Levels && k <= l+1 }

// Masked reports whether β[l, k, m] stands for no move: one that starts at a node that no path reaches, or that would
// leave the trellis at its first or last level.
func (r *Relaxation) Masked(l, k, m int) bool {
	return l < 0 || m < 0 || m >= NumMoves || !r.Reachable(l-1, k) || !r.Reachable(l, k+m-1)
}

// betaIndex is the place of β[l, k, m].
func (r *Relaxation) betaIndex(l, k, m int) int { return (l*r.Levels+k)*NumMoves + m }

// Validate returns nil where r can be decoded and written, and else a [*FieldError] for the first field that stands in
// the way: sizes out of range, tensors of another length than the sizes ask for, logits that are not finite or beyond
// [MaxLogit] (masked ones are not looked at), Info that is not text or more than [MaxInfoBytes].
func (r *Relaxation) Validate() error {
	for _, n := range []struct {
		field     string
		got, most int
	}{{"blocks", r.Blocks, MaxBlocks}, {"layers", r.Layers, MaxLayers}, {"levels", r.Levels, NumLevels}} {
		if n.got < 1 || n.got > n.most {
			return fieldErrorf(n.field, "%d (1 to %d are accepted)", n.got, n.most)
		}
	}
	if want := Edges(r.Blocks) * NumOperators; len(r.Alpha) != want {
		return fieldErrorf("alpha", "%d numbers; %s need %d×%d = %d", len(r.Alpha), count(r.Blocks, "block"), Edges(r.Blocks), NumOperators, want)
	}
	if want := r.Layers * r.Levels * NumMoves; len(r.Beta) != want {
		return fieldErrorf("beta", "%d numbers; %s of %s need %d×%d×%d = %d",
			len(r.Beta), count(r.Layers, "layer"), count(r.Levels, "level"), r.Layers, r.Levels, NumMoves, want)
	}
	for i, v := range r.Alpha {
		if problem := checkLogit(v); problem != "" {
			return fieldErrorf(fmt.Sprintf("alpha[%d, %d]", i/NumOperators, i%NumOperators), "%s", problem)
		}
	}
	for l := range r.Layers {
		for k := range r.Levels {
			for m := range NumMoves {
				if r.Masked(l, k, m) {
					continue
				}
				if problem := checkLogit(r.Beta[r.betaIndex(l, k, m)]); problem != "" {
					return fieldErrorf(fmt.Sprintf("beta[%d, %d, %d]", l, k, m), "%s", problem)
				}
			}
		}
	}
	return r.checkInfo()
}

func checkLogit(v float32) string {
	if x := float64(v); math.IsNaN(x) || math.Abs(x) > MaxLogit {
		return fmt.Sprintf("%g is no logit (-%d to %d are accepted)", v, MaxLogit, MaxLogit)
	}
	return ""
}

func (r *Relaxation) checkInfo() error {
	bytes := 0
	for _, key := range sortedKeys(r.Info) {
		value := r.Info[key]
		if key == "" || !utf8.ValidString(key) || !utf8.ValidString(value) || strings.ContainsRune(key, 0) {
			return fieldErrorf("info", "%s: %s is not text under a name", quote(key), quote(value))
		}
		bytes += len(key) + len(value)
	}
	if bytes > MaxInfoBytes {
		return fieldErrorf("info", "%d bytes (the limit is %d)", bytes, MaxInfoBytes)
	}
	return nil
}

// EdgeWeights returns α after softmax over the 8 operators of each edge, [Edges(Blocks), NumOperators]. r must be valid.
func (r *Relaxation) EdgeWeights() []float64 {
	return r.eachEdge(softmax)
}

// eachEdge applies softmax or its logarithm to each row of α.
func (r *Relaxation) eachEdge(f func(dst []float64, x []float32, masked func(int) bool)) []float64 {
	out := make([]float64, len(r.Alpha))
	for at := 0; at < len(out); at += NumOperators {
		f(out[at:at+NumOperators], r.Alpha[at:at+NumOperators], nil)
	}
	return out
}

// MoveWeights returns β after softmax over the moves that leave each node, [Layers, Levels, NumMoves]: those of one node
// add up to 1 (paper, equation 5), and masked elements are 0. r must be valid.
func (r *Relaxation) MoveWeights() []float64 {
	return r.eachNode(softmax)
}

// eachNode applies softmax or its logarithm to the moves that leave each node.
func (r *Relaxation) eachNode(f func(dst []float64, x []float32, masked func(int) bool)) []float64 {
	out := make([]float64, len(r.Beta))
	for l := range r.Layers {
		for k := range r.Levels {
			at := r.betaIndex(l, k, 0)
			f(out[at:at+NumMoves], r.Beta[at:at+NumMoves], func(m int) bool { return r.Masked(l, k, m) })
		}
	}
	return out
}

// Entropy returns how undecided the search is, from 0 (one choice has all the weight) to 1 (all weigh the same): the mean
// over all edges of the entropy of their operators, and the mean over all nodes with a choice of moves of the entropy of
// those, each divided by the largest it could be. β's is 0 where no node has a choice. r must be valid.
func (r *Relaxation) Entropy() (alpha, beta float64) {
	edges := r.EdgeWeights()
	for at := 0; at < len(edges); at += NumOperators {
		alpha += entropy(edges[at : at+NumOperators])
	}
	alpha /= math.Log(float64(NumOperators)) * float64(Edges(r.Blocks))

	moves, nodes := r.MoveWeights(), 0
	for l := range r.Layers {
		for k := range r.Levels {
			choices := 0
			for m := range NumMoves {
				if !r.Masked(l, k, m) {
					choices++
				}
			}
			if choices > 1 {
				at := r.betaIndex(l, k, 0)
				beta += entropy(moves[at:at+NumMoves]) / math.Log(float64(choices))
				nodes++
			}
		}
	}
	if nodes > 0 {
		beta /= float64(nodes)
	}
	return min(alpha, 1), min(beta, 1)
}
