package decode

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/big"
	"math/rand/v2"
)

// RandomOptions describe a search space to draw from, and the draw.
type RandomOptions struct {
	Blocks, Layers, Levels int    // as those of a Relaxation
	Seed                   uint64 // which architecture
	Name                   string
}

// SpaceSize counts what Random draws from: cells and paths that decoding could give.
type SpaceSize struct{ Cells, Paths *big.Int }

// Random draws an architecture that a search could have found: each block reads two different states, any two as likely as
// any other, through operators but none, each as likely as any other; and every path through the trellis is as likely as
// any other. It is the baseline that a search must beat. The same options give the same architecture. Options out of
// range are a [*FieldError].
func Random(o RandomOptions) (*Architecture, SpaceSize, error) {
	for _, f := range []struct {
		name      string
		got, most int
	}{{"blocks", o.Blocks, MaxBlocks}, {"layers", o.Layers, MaxLayers}, {"levels", o.Levels, NumLevels}} {
		if f.got < 1 || f.got > f.most {
			return nil, SpaceSize{}, fieldErrorf(f.name, "%d, want 1 to %d", f.got, f.most)
		}
	}
	r := rand.New(rand.NewChaCha8(sha256.Sum256(binary.LittleEndian.AppendUint64([]byte("autodeeplab random architecture\x00"), o.Seed))))
	a := &Architecture{Name: o.Name}
	if a.Name == "" {
		a.Name = fmt.Sprintf("random-%d", o.Seed)
	}
	size := SpaceSize{Cells: big.NewInt(1)}
	operators := NumOperators - 1 // all but none, which is the first
	for i := range o.Blocks {
		states := i + 2
		first := r.IntN(states)
		second := r.IntN(states - 1)
		if second >= first {
			second++
		}
		a.Cell = append(a.Cell, Block{{first, Operator(1 + r.IntN(operators))}, {second, Operator(1 + r.IntN(operators))}})
		size.Cells.Mul(size.Cells, big.NewInt(int64(states*(states-1)/2*operators*operators)))
	}
	a.Path, size.Paths = randomPath(r, o.Layers, o.Levels)
	return a, size, a.Validate()
}

// randomPath draws one of all paths from the stem, and counts them.
func randomPath(r *rand.Rand, layers, levels int) ([]int, *big.Int) {
	// ways[l][k] is how many ways there are on from level k of layer l−1 (layer −1: the stem) through layers l to the last.
	ways := make([][]*big.Int, layers+1)
	for l := layers; l >= 0; l-- {
		ways[l] = make([]*big.Int, levels)
		for k := range levels {
			ways[l][k] = big.NewInt(1)
			if l == layers {
				continue
			}
			ways[l][k].SetInt64(0)
			for to := max(k-1, 0); to <= min(k+1, levels-1); to++ {
				ways[l][k].Add(ways[l][k], ways[l+1][to])
			}
		}
	}
	path, level := make([]int, layers), 0
	for l := range path {
		all, _ := new(big.Float).SetInt(ways[l][level]).Float64() // at most 3^128
		left := r.Float64() * all
		to := max(level-1, 0)
		for ; to < min(level+1, levels-1); to++ {
			n, _ := new(big.Float).SetInt(ways[l+1][to]).Float64()
			if left -= n; left < 0 {
				break
			}
		}
		path[l], level = to, to
	}
	return path, ways[0][0]
}
