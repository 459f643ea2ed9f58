package decode

import (
	"math"
	"slices"
	"testing"
)

// The tests of this file are the mistakes of other decoders that spec §6 lists. Each has a relaxation on which the
// mistake, played here, gives another answer than all paths do, and holds that decoding gives the right one.

// viterbiWith is a decoder of one best path that takes the weight of a move, and whether a move exists, from outside.
func viterbiWith(r *Relaxation, weight func(l, from, to int) float64, allowed func(l, from, to int) bool) []int {
	best := map[int][]int{0: {}}
	score := map[int]float64{0: 1}
	for l := range r.Layers {
		nextBest, nextScore := map[int][]int{}, map[int]float64{}
		for to := range r.Levels {
			for from := range r.Levels {
				if best[from] == nil || to < from-1 || to > from+1 || !allowed(l, from, to) {
					continue
				}
				if s := score[from] * weight(l, from, to); nextBest[to] == nil || s > nextScore[to] {
					nextBest[to], nextScore[to] = append(slices.Clone(best[from]), to), s
				}
			}
		}
		best, score = nextBest, nextScore
	}
	var path []int
	top := math.Inf(-1)
	for k := range r.Levels {
		if best[k] != nil && score[k] > top {
			path, top = best[k], score[k]
		}
	}
	return path
}

func all(int, int, int) bool { return true }

func rightWeight(r *Relaxation) func(l, from, to int) float64 {
	return func(l, from, to int) float64 { return bruteMoves(r, l, from)[to] }
}

// lay sets logits of moves, as {l, from, to, logit}, over a base of small fixed numbers without ties.
func lay(layers, levels int, moves ...[4]float64) *Relaxation {
	r := NewRelaxation(1, layers, levels)
	for i := range r.Beta {
		r.Beta[i] = float32(math.Sin(float64(i*i))) / 100
	}
	for _, m := range moves {
		r.Beta[r.betaIndex(int(m[0]), int(m[1]), int(m[2]-m[1])+1)] = float32(m[3])
	}
	return r
}

func TestPublishedMistakes(t *testing.T) {
	for _, c := range []struct {
		name    string
		r       *Relaxation
		mistake func(r *Relaxation) []int
	}{
		{
			// β[l, k, m] read as the move that *arrives* at k, with softmax over what arrives.
			"NoamRosenberg/autodeeplab#65: normalised over incoming moves",
			lay(2, 2, [4]float64{0, 0, 0, 0.1}, [4]float64{1, 0, 0, 5}, [4]float64{1, 0, 1, 5}, [4]float64{1, 1, 1, 2}),
			func(r *Relaxation) []int {
				return viterbiWith(r, func(l, from, to int) float64 {
					sum := 0.0
					for f := max(0, to-1); f <= min(r.Levels-1, to+1); f++ {
						if r.Reachable(l-1, f) {
							sum += math.Exp(float64(r.Beta[r.betaIndex(l, f, to-f+1)]))
						}
					}
					return math.Exp(float64(r.Beta[r.betaIndex(l, from, to-from+1)])) / sum
				}, all)
			},
		},
		{
			// Staying at level 1 weighed with the element for going down.
			"NoamRosenberg/autodeeplab#87: [1][2] for [1][1]",
			lay(3, 4, [4]float64{0, 0, 1, 3}, [4]float64{1, 1, 1, 3}, [4]float64{2, 1, 1, 3}),
			func(r *Relaxation) []int {
				return viterbiWith(r, func(l, from, to int) float64 {
					if from == 1 && to == 1 {
						to = 2
					}
					return bruteMoves(r, l, from)[to]
				}, all)
			},
		},
		{
			// At the first level an arrival from below (a move up) is forbidden in place of one from above.
			"NoamRosenberg/autodeeplab#71: the top row's forbidden move",
			lay(3, 4, [4]float64{0, 0, 1, 3}, [4]float64{1, 1, 0, 3}, [4]float64{2, 0, 0, 3}),
			func(r *Relaxation) []int {
				return viterbiWith(r, rightWeight(r), func(_, from, to int) bool { return !(to == 0 && from == 1) })
			},
		},
		{
			// At the last level an arrival from above (a move down) is forbidden in place of one from below.
			"NoamRosenberg/autodeeplab#73: the bottom row's forbidden move",
			lay(4, 4, [4]float64{0, 0, 1, 3}, [4]float64{1, 1, 2, 3}, [4]float64{2, 2, 3, 3}, [4]float64{3, 3, 3, 3}),
			func(r *Relaxation) []int {
				return viterbiWith(r, rightWeight(r), func(_, from, to int) bool { return !(to == 3 && from == 2) })
			},
		},
		{
			// The best move of each node in turn, whatever comes after.
			"MenghaoGuo/AutoDeeplab#52: a greedy walk",
			lay(4, 4, [4]float64{0, 0, 0, 0.3}, [4]float64{1, 1, 2, 6}, [4]float64{2, 2, 2, 6}, [4]float64{3, 2, 2, 6}),
			func(r *Relaxation) []int {
				var path []int
				from := 0
				for l := range r.Layers {
					next, best := 0, -1.0
					for to := max(0, from-1); to <= min(r.Levels-1, from+1); to++ {
						if w := bruteMoves(r, l, from)[to]; w > best {
							next, best = to, w
						}
					}
					path, from = append(path, next), next
				}
				return path
			},
		},
		{
			// NoamRosenberg/autodeeplab's decoder of 2019-11: weights of nodes with two moves are scaled by 2/3, so that
			// they do not add up to 1 any more.
			"border rows times 2/3",
			lay(2, 3, [4]float64{0, 0, 0, 0.3}, [4]float64{1, 0, 0, 0.3}, [4]float64{1, 1, 1, 0.9}),
			func(r *Relaxation) []int {
				return viterbiWith(r, func(l, from, to int) float64 {
					w := bruteMoves(r, l, from)
					if len(w) == 2 {
						return w[to] * 2 / 3
					}
					return w[to]
				}, all)
			},
		},
		{
			// A level that no path reaches yet, entered because its β is large.
			"moves from unreachable nodes",
			lay(3, 4, [4]float64{0, 2, 3, 9}, [4]float64{1, 3, 3, 9}, [4]float64{2, 3, 3, 9}),
			func(r *Relaxation) []int {
				best, path := -1.0, []int(nil)
				for _, p := range [][]int{{3, 3, 3}, {0, 0, 0}} {
					s, from := 1.0, 2
					if p[0] == 0 {
						from = 0
					}
					for l, to := range p {
						s *= bruteMoves(r, l, from)[to]
						from = to
					}
					if s > best {
						best, path = s, p
					}
				}
				return path
			},
		},
		{
			// All paths made to end at level 0, as a decoder does that reads the last layer's first row.
			"the path ends at any level",
			lay(3, 4, [4]float64{0, 0, 1, 3}, [4]float64{1, 1, 2, 3}, [4]float64{2, 2, 3, 3}),
			func(r *Relaxation) []int {
				return viterbiWith(r, rightWeight(r), func(l, _, to int) bool { return l < r.Layers-1 || to == 0 })
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			ranked, _ := bruteRank(c.r, allPaths(c.r.Layers, c.r.Levels), 1)
			wrong := c.mistake(c.r)
			if slices.Equal(wrong, ranked[0]) {
				t.Fatalf("the mistake makes no difference here: %v", wrong)
			}
			if got := c.r.BestPaths(1)[0].Levels; !slices.Equal(got, ranked[0]) {
				t.Errorf("decoded %v, want %v (the mistake gives %v)", got, ranked[0], wrong)
			}
			if right := viterbiWith(c.r, rightWeight(c.r), all); !slices.Equal(right, ranked[0]) {
				t.Errorf("the same decoder without the mistake gives %v, want %v", right, ranked[0])
			}
		})
	}
}
