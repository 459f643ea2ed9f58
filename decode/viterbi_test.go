package decode

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// allPaths is the oracle: every path of the trellis, written out from the rules of spec §5 alone. A path starts at level
// 0 of the stem, and each layer's level is at most one away from the one before.
func allPaths(layers, levels int) [][]int {
	paths := [][]int{{}}
	for range layers {
		var longer [][]int
		for _, p := range paths {
			at := 0
			if len(p) > 0 {
				at = p[len(p)-1]
			}
			for k := max(0, at-1); k <= min(levels-1, at+1); k++ {
				longer = append(longer, append(slices.Clone(p), k))
			}
		}
		paths = longer
	}
	return paths
}

// bruteMoves is β after softmax over the moves that leave a node and exist, as plainly as can be.
func bruteMoves(r *Relaxation, l, from int) map[int]float64 {
	sum, weights := 0.0, map[int]float64{}
	for to := max(0, from-1); to <= min(r.Levels-1, from+1); to++ {
		weights[to] = math.Exp(float64(r.Beta[(l*r.Levels+from)*3+to-from+1]))
		sum += weights[to]
	}
	for to := range weights {
		weights[to] /= sum
	}
	return weights
}

// bruteProduct is a path's product of β in float64.
func bruteProduct(r *Relaxation, path []int) float64 {
	p, from := 1.0, 0
	for l, to := range path {
		p *= bruteMoves(r, l, from)[to]
		from = to
	}
	return p
}

// bruteRank sorts the paths by the sum of their rounded logarithms, largest first, then by their levels, and returns the
// first n with their sums.
func bruteRank(r *Relaxation, paths [][]int, n int) ([][]int, []int64) {
	logs := r.eachNode(logSoftmax)
	units := make([]int64, len(logs))
	for i, v := range logs {
		if !math.IsInf(v, -1) {
			units[i] = int64(math.Round(v / scoreUnit))
		}
	}
	type scored struct {
		path  []int
		score int64
	}
	var best []scored
	compare := func(a, b scored) int { return cmp.Or(cmp.Compare(b.score, a.score), slices.Compare(a.path, b.path)) }
	for _, path := range paths {
		s, from := scored{path: path}, 0
		for l, to := range path {
			s.score += units[r.betaIndex(l, from, to-from+1)]
			from = to
		}
		if len(best) == n && compare(best[n-1], s) < 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(best, s, compare)
		best = slices.Insert(best, at, s)
		best = best[:min(n, len(best))]
	}
	sorted, scores := make([][]int, len(best)), make([]int64, len(best))
	for i, s := range best {
		sorted[i], scores[i] = s.path, s.score
	}
	return sorted, scores
}

// randomRelaxation has β either from a normal distribution or from three values, under which many paths tie. What is
// masked gets huge weights, which must make no difference.
func randomRelaxation(rng *rand.Rand, layers, levels int) *Relaxation {
	r := NewRelaxation(1, layers, levels)
	discrete := rng.IntN(2) == 0
	for i := range r.Beta {
		if discrete {
			r.Beta[i] = [...]float32{0, 1, -2}[rng.IntN(3)]
		} else {
			r.Beta[i] = float32(rng.NormFloat64())
		}
	}
	for l := range layers {
		for k := range levels {
			for m := range NumMoves {
				if r.Masked(l, k, m) {
					r.Beta[r.betaIndex(l, k, m)] = 500
				}
			}
		}
	}
	return r
}

// TestBestPathsBruteForce compares 10,000 relaxations with all of their paths: most of up to 6 layers and all paths
// ranked, 1,000 of 7 to 12 layers and the best 20.
func TestBestPathsBruteForce(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	cache := map[[2]int][][]int{}
	ties, total := 0, 10000
	for i := range total {
		layers, levels, n := 1+rng.IntN(6), 1+rng.IntN(NumLevels), MaxTop
		if i < 1000 {
			layers, n = 7+i%6, 20
		}
		shape := [2]int{layers, levels}
		if cache[shape] == nil {
			cache[shape] = allPaths(layers, levels)
		}
		r := randomRelaxation(rng, layers, levels)
		want, scores := bruteRank(r, cache[shape], n+1)
		got := r.BestPaths(n)
		if len(got) != min(n, len(cache[shape])) {
			t.Fatalf("%d: %d paths of %d layers, %d levels; want %d", i, len(got), layers, levels, min(n, len(cache[shape])))
		}
		for j, p := range got {
			if !slices.Equal(p.Levels, want[j]) {
				t.Fatalf("%d: path %d of %d layers, %d levels is %v, want %v\nβ %v", i, j, layers, levels, p.Levels, want[j], r.Beta)
			}
			if j < 3 {
				product := bruteProduct(r, p.Levels)
				if math.Abs(p.Score-product) > 1e-12*product || math.Abs(p.LogScore-math.Log(product)) > 1e-11 {
					t.Fatalf("%d: path %d %v scores %g (log %g), want %g", i, j, p.Levels, p.Score, p.LogScore, product)
				}
			}
			margin := math.Inf(1)
			if j+1 < len(scores) {
				margin = float64(scores[j]-scores[j+1]) * scoreUnit
			}
			if p.Margin != margin {
				t.Fatalf("%d: path %d has the margin %g, want %g", i, j, p.Margin, margin)
			}
		}
		if len(got) > 1 && got[0].Margin == 0 {
			ties++
		}
	}
	if ties < total/20 {
		t.Errorf("only %d of %d had a tie for the best", ties, total)
	}
	t.Logf("%d relaxations, %d of them with a tie for the best path", total, ties)
}

// TestScoresAreProbabilities holds that the weights of a node add up to 1, and with them all paths' scores: what #65
// below gets wrong.
func TestScoresAreProbabilities(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for levels := 1; levels <= NumLevels; levels++ {
		r := randomRelaxation(rng, 6, levels)
		sum := 0.0
		for _, p := range r.BestPaths(MaxTop) {
			sum += p.Score
		}
		if math.Abs(sum-1) > 1e-12 {
			t.Errorf("%d levels: all paths together score %.15g, want 1", levels, sum)
		}
	}
}

// TestTiesGoToTheLowerLevel: with nothing learned, paths rank by the number of choices that their nodes have (fewer at
// the border), and equals by the lowest level at the first difference.
func TestTiesGoToTheLowerLevel(t *testing.T) {
	got := NewRelaxation(1, 3, 3).BestPaths(5)
	want := [][]int{{0, 0, 0}, {0, 0, 1}, {0, 1, 0}, {0, 1, 1}, {0, 1, 2}}
	scores := []float64{1. / 8, 1. / 8, 1. / 12, 1. / 12, 1. / 12}
	for i, p := range got {
		if !slices.Equal(p.Levels, want[i]) || math.Abs(p.Score-scores[i]) > 1e-15 {
			t.Errorf("path %d is %v (%g), want %v (%g)", i, p.Levels, p.Score, want[i], scores[i])
		}
	}
	// The paths 0 0 and 1 1 have the same two weights, p and 1-p, the one first or the other: they tie exactly, though
	// the product of floating-point numbers or the sum of their logarithms may differ with the order.
	for x := float32(0.01); x < 8; x *= 1.1 {
		r := NewRelaxation(1, 2, 2)
		r.Beta[r.betaIndex(0, 0, int(Same))] = x
		r.Beta[r.betaIndex(1, 0, int(Down))] = x
		r.Beta[r.betaIndex(1, 1, int(Same))] = x
		got := r.BestPaths(4)
		for i, want := range [][]int{{0, 1}, {0, 0}, {1, 1}, {1, 0}} {
			if !slices.Equal(got[i].Levels, want) || (got[i].Margin == 0) != (i == 1) {
				t.Errorf("x = %g: path %d is %v with the margin %g, want %v", x, i, got[i].Levels, got[i].Margin, want)
			}
		}
	}
}

func TestBestPathsOfTheLargestTrellis(t *testing.T) {
	r := NewRelaxation(1, MaxLayers, NumLevels)
	for i := range r.Beta {
		r.Beta[i] = [2]float32{MaxLogit, -MaxLogit}[i/3%2]
	}
	paths := r.BestPaths(MaxTop)
	if len(paths) != MaxTop || math.IsInf(paths[0].LogScore, 0) {
		t.Fatalf("%d paths, the first scores %g", len(paths), paths[0].LogScore)
	}
	for i := range paths[:len(paths)-1] {
		if paths[i].LogScore < paths[i+1].LogScore || paths[i].Margin < 0 {
			t.Fatalf("path %d scores %g, the next %g", i, paths[i].LogScore, paths[i+1].LogScore)
		}
	}
}

func BenchmarkBestPaths(b *testing.B) {
	r := randomRelaxation(rand.New(rand.NewPCG(1, 1)), 12, NumLevels)
	for _, n := range []int{1, 10, 1000} {
		b.Run(map[int]string{1: "top1", 10: "top10", 1000: "top1000"}[n], func(b *testing.B) {
			for b.Loop() {
				r.BestPaths(n)
			}
		})
	}
}
