package decode

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// bruteCell is spec §6 by trying all pairs of edges: the pair whose weaker edge is strongest, and so on, is the two
// strongest; ties to the lower state and operator.
func bruteCell(r *Relaxation) []Block {
	weight := func(block, input int, op Operator) float64 {
		row := r.Alpha[EdgeIndex(block, input)*NumOperators:][:NumOperators]
		sorted := slices.Sorted(slices.Values(row))
		sum := 0.0
		for _, v := range sorted {
			sum += math.Exp(float64(v))
		}
		return math.Exp(float64(row[op])) / sum
	}
	var cell []Block
	for b := range r.Blocks {
		var block Block
		used := -1
		for branch := range block {
			best := -1.0
			for input := range b + 2 {
				for op := MaxPool3x3; op <= AtrConv5x5; op++ {
					if w := weight(b, input, op); input != used && w > best {
						best, block[branch] = w, Branch{input, op}
					}
				}
			}
			used = block[0].Input
		}
		cell = append(cell, block)
	}
	return cell
}

func TestDecodeCellBruteForce(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 2000 {
		r := NewRelaxation(1+rng.IntN(5), 1, 1)
		for j := range r.Alpha {
			if i%2 == 0 {
				r.Alpha[j] = float32(rng.NormFloat64())
			} else {
				r.Alpha[j] = [...]float32{0, 0.5, 2}[rng.IntN(3)]
			}
		}
		d, err := r.Decode(DecodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if want := bruteCell(r); !slices.Equal(d.Architecture.Cell, want) {
			t.Fatalf("%d: %v, want %v\nα %v", i, d.Architecture.Cell, want, r.Alpha)
		}
		weights := r.EdgeWeights()
		for e, c := range d.Edges {
			row := weights[e*NumOperators:][:NumOperators]
			if e != EdgeIndex(c.Block, c.Input) || c.Strength != row[c.Op] || c.RunnerUpStrength != row[c.RunnerUp] || c.None != row[None] ||
				c.Op == None || c.RunnerUp == None || c.Op == c.RunnerUp || c.Strength < c.RunnerUpStrength {
				t.Fatalf("%d: edge %d is %+v of %v", i, e, c, row)
			}
			for op := None + 1; op <= AtrConv5x5; op++ {
				if op != c.Op && row[op] > c.RunnerUpStrength {
					t.Fatalf("%d: edge %d: %s is stronger than the runner-up of %+v", i, e, op, c)
				}
			}
			kept := slices.Index(d.Blocks[c.Block].Inputs[:], c.Input)
			if c.Kept != (kept >= 0) || c.Branch != kept {
				t.Fatalf("%d: edge %d is %+v, its block keeps %v", i, e, c, d.Blocks[c.Block].Inputs)
			}
		}
	}
}

// cellOf decodes a cell from rows of α; those not given are all 0.
func cellOf(t *testing.T, blocks int, rows map[[2]int][NumOperators]float32) *Decoding {
	t.Helper()
	r := NewRelaxation(blocks, 1, 1)
	for at, row := range rows {
		copy(r.Alpha[EdgeIndex(at[0], at[1])*NumOperators:], row[:])
	}
	d, err := r.Decode(DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestCellRules(t *testing.T) {
	for _, c := range []struct {
		name   string
		blocks int
		rows   map[[2]int][NumOperators]float32
		want   Block // of the last block
	}{
		{"nothing learned: the lowest states and operators", 2, nil, Block{{0, MaxPool3x3}, {1, MaxPool3x3}}},
		{
			// NoamRosenberg/autodeeplab's decoder takes the arg-max of a kept edge over none as well.
			"none is never chosen, however strong", 1,
			map[[2]int][NumOperators]float32{{0, 0}: {9, 0, 0, 0, 1}, {0, 1}: {0, 0, 0, 2}},
			Block{{1, SkipConnect}, {0, SepConv3x3}},
		},
		{
			// The same logit weighs less beside a strong none: an edge's strength is of the softmax, not of the logits.
			"a strong none makes an edge weak", 2,
			map[[2]int][NumOperators]float32{{1, 0}: {5, 0, 0, 0, 3}, {1, 1}: {0, 0, 0, 0, 0, 2}, {1, 2}: {0, 1}},
			Block{{1, SepConv5x5}, {2, MaxPool3x3}},
		},
		{
			"the stronger branch first", 2,
			map[[2]int][NumOperators]float32{{1, 0}: {0, 0, 1}, {1, 1}: {}, {1, 2}: {0, 0, 0, 0, 0, 0, 0, 2}},
			Block{{2, AtrConv5x5}, {0, AvgPool3x3}},
		},
		{
			// Permuted rows are equally strong, though the sums of their exponentials may differ in the last bit.
			"equal strengths go to the lower state", 3,
			map[[2]int][NumOperators]float32{
				{2, 0}: {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 1.1}, {2, 1}: {0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 1.1},
				{2, 2}: {0.4, 0.1, 0.6, 1.1, 0.7, 0.5, 0.2, 0.3}, {2, 3}: {0.2, 1.1, 0.4, 0.6, 0.1, 0.7, 0.3, 0.5},
			},
			Block{{0, AtrConv5x5}, {1, AtrConv5x5}},
		},
		{
			"equal operators go to the lower one", 1,
			map[[2]int][NumOperators]float32{{0, 0}: {0, 0, 2, 0, 0, 2}, {0, 1}: {0, 0, 0, 3, 3, 0, 3, 3}},
			Block{{0, AvgPool3x3}, {1, SkipConnect}},
		},
	} {
		d := cellOf(t, c.blocks, c.rows)
		if got := d.Architecture.Cell[c.blocks-1]; got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestBlockMargins(t *testing.T) {
	d := cellOf(t, 2, map[[2]int][NumOperators]float32{{1, 2}: {0, 0, 0, 4}, {1, 1}: {0, 0, 0, 0, 1}})
	strength := func(logit float64) float64 { return math.Exp(logit) / (7 + math.Exp(logit)) }
	if b := d.Blocks[0]; b.Inputs != [2]int{0, 1} || b.Dropped != -1 || !math.IsInf(b.Margin, 1) {
		t.Errorf("block 0: %+v", b)
	}
	if b, want := d.Blocks[1], strength(1)-strength(0); b.Inputs != [2]int{2, 1} || b.Dropped != 0 || math.Abs(b.Margin-want) > 1e-15 {
		t.Errorf("block 1: %+v, want a margin of %g", b, want)
	}
	if e, want := d.Edges[EdgeIndex(1, 2)], strength(4); math.Abs(e.Strength-want) > 1e-15 || math.Abs(e.Margin()-(want-e.RunnerUpStrength)) > 1e-15 {
		t.Errorf("edge: %+v, want %g", e, want)
	}
}
