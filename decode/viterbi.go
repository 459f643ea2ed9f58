package decode

import (
	"math"
	"slices"
)

// MaxTop is the largest number of paths that can be asked for.
const MaxTop = 1000

// scoreUnit is the unit in which the logarithms of β are added up, 2^-44.
//
// Paths are compared by sums of integers, because those do not depend on the order of their terms: paths with the same
// weights in another order tie, as they should, and the best path is the same whichever end one starts from. Rounding
// costs less than 3e-14 a layer. MaxLayers sums of at most 2·MaxLogit + ln 3 stay below 2^63.
const scoreUnit = 1.0 / (1 << 44)

// Path is one way through the trellis with its score.
type Path struct {
	// Levels holds the level of each layer, as [Architecture.Path] does.
	Levels []int
	// LogScore is the sum of the natural logarithms of the weights β of the path's moves, the stem's first.
	LogScore float64
	// Score is the product of the weights, exp(LogScore): the path's probability, if every move is drawn by its weight.
	// All paths' scores add up to 1. It may be too small for a float64, and is 0 then.
	Score float64
	// Margin is by how much LogScore exceeds that of the next best path: how sure the search is. It is 0 in a tie and
	// +Inf where there is no other path.
	Margin float64
}

// suffix is a way from a node to the end: its first move and which of the ways it goes on with there. Those of a node
// are kept in order, the best first.
type suffix struct {
	score int64 // in scoreUnit
	move  int8
	rest  int32
}

// BestPaths returns the best paths through the trellis, at most n, from the best to the worst: by the largest product of
// weights, and among equals by the lowest level at the first layer where they differ. Fewer are returned where the
// trellis has no more. n is 1 to [MaxTop]; r must be valid.
//
// This is Viterbi's algorithm with n best instead of one (Seshadri and Sundberg, 1994), from the last layer to the stem,
// since then the order of a node's ways is the order of the whole paths.
func (r *Relaxation) BestPaths(n int) []Path {
	weights := r.eachNode(logSoftmax)
	// One more than asked for tells the last one's margin.
	most := n + 1
	ways := make([][]suffix, (r.Layers+1)*r.Levels)
	node := func(l, k int) *[]suffix { return &ways[l*r.Levels+k] } // at layer l-1, the stem being layer 0 here
	for k := range r.Levels {
		*node(r.Layers, k) = []suffix{{}}
	}
	for l := r.Layers - 1; l >= 0; l-- {
		for k := range r.Levels {
			if r.Reachable(l-1, k) {
				*node(l, k) = r.mergeWays(l, k, weights, node, most)
			}
		}
	}
	start := *node(0, 0)
	paths := make([]Path, 0, min(n, len(start)))
	for i, s := range start[:min(n, len(start))] {
		p := Path{Levels: make([]int, r.Layers), LogScore: float64(s.score) * scoreUnit, Margin: math.Inf(1)}
		p.Score = math.Exp(p.LogScore)
		if i+1 < len(start) {
			p.Margin = float64(s.score-start[i+1].score) * scoreUnit
		}
		k := 0
		for l := range r.Layers {
			k += int(s.move) - 1
			p.Levels[l] = k
			s = (*node(l+1, k))[s.rest]
		}
		paths = append(paths, p)
	}
	return paths
}

// mergeWays makes the ordered list of ways from level k of layer l-1 of those of the nodes that it leads to.
func (r *Relaxation) mergeWays(l, k int, weights []float64, node func(l, k int) *[]suffix, most int) []suffix {
	var list []suffix
	for m := range NumMoves {
		if r.Masked(l, k, m) {
			continue
		}
		w := int64(math.Round(weights[r.betaIndex(l, k, m)] / scoreUnit))
		for i, s := range *node(l+1, k+m-1) {
			list = append(list, suffix{score: w + s.score, move: int8(m), rest: int32(i)})
		}
	}
	// Moves are listed from the lowest level to the highest and each one's ways in order, so a stable sort by score
	// leaves equals in the order of their levels.
	slices.SortStableFunc(list, func(a, b suffix) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return 0
	})
	return slices.Clip(list[:min(most, len(list))])
}
