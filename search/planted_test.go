package search

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"autodeeplab/decode"
)

// planted is a data set of which the best operator and the best path are known.
//
// An image is a mosaic of tiles of 4×4 pixels, each ±1 in every channel at random: one tile is one position of level 0,
// and no tile says anything of another, so that whatever leaves level 0 loses what it averages away. A tile's label is the
// sign of a fixed filter over the 25 tiles that lie 0, ±2 or ±4 rows and columns away, all of its weights alike in size.
// That is exactly one atr_conv_5x5. The 3×3 one sees 9 of the 25 terms; separable convolutions of the same reach have
// not enough freedom for a random filter of three colours; pools and skips see less.
type planted struct {
	filter [3][25]float32
	images int
}

const plantedTile = 4

func newPlanted() *planted {
	p := &planted{images: 64}
	r := rand.New(rand.NewPCG(11, 13))
	for c := range p.filter {
		for i := range p.filter[c] {
			p.filter[c][i] = float32(2*r.IntN(2)-1) * (0.75 + 0.5*r.Float32())
		}
	}
	return p
}

func (p *planted) Fingerprint() string { return "planted" }
func (p *planted) Classes() []string   { return []string{"negative", "positive"} }
func (p *planted) Steps(batch int) int { return p.images / 2 / batch }
func (p *planted) Validation() int     { return 8 }

// mosaic fills image n of a batch of N.
func (p *planted) mosaic(r *rand.Rand, n, of, size int, image []float32, labels []uint8) {
	const reach = 4
	tiles := (size + plantedTile - 1) / plantedTile
	side := tiles + 2*reach
	var colour [3][]float32
	for c := range colour {
		colour[c] = make([]float32, side*side)
		for i := range colour[c] {
			colour[c][i] = float32(2*r.IntN(2) - 1)
		}
	}
	label := make([]uint8, tiles*tiles)
	for y := range tiles {
		for x := range tiles {
			sum := float32(0)
			for c := range colour {
				for i, f := range p.filter[c] {
					// What lies beyond the image counts as nothing, as a convolution's padding does.
					ty, tx := y+2*(i/5)-4, x+2*(i%5)-4
					if ty >= 0 && ty < tiles && tx >= 0 && tx < tiles {
						sum += f * colour[c][(ty+reach)*side+tx+reach]
					}
				}
			}
			if sum > 0 {
				label[y*tiles+x] = 1
			}
		}
	}
	for y := range size {
		for x := range size {
			ty, tx := y/plantedTile, x/plantedTile
			labels[(n*size+y)*size+x] = label[ty*tiles+tx]
			for c := range colour {
				image[((c*of+n)*size+y)*size+x] = colour[c][(ty+reach)*side+tx+reach]
			}
		}
	}
}

func (p *planted) Batch(half Half, epoch, index, batch, crop int, image []float32, labels []uint8) error {
	for n := range batch {
		r := rand.New(rand.NewPCG(uint64(half)<<40|uint64(epoch)<<20|uint64(index), uint64(n)))
		p.mosaic(r, n, batch, crop, image, labels)
	}
	return nil
}

func (p *planted) Whole(i int) ([]float32, []uint8, int, int, error) {
	const size = 64
	image, labels := make([]float32, 3*size*size), make([]uint8, size*size)
	p.mosaic(rand.New(rand.NewPCG(1<<60, uint64(i))), 0, 1, size, image, labels)
	return image, labels, size, size, nil
}

// TestFindsThePlantedOptimum searches from five seeds and wants the planted operator and path from each.
func TestFindsThePlantedOptimum(t *testing.T) {
	seeds, epochs := uint64(5), 20
	if testing.Short() { // long enough to see the loss fall, not for the optimum to stand out
		seeds, epochs = 1, 5
	}
	for seed := range seeds {
		o := Presets["small"]
		o.Space = Space{Layers: 2, Blocks: 1, Filters: 8, Levels: 2}
		o.Epochs, o.ArchEpoch, o.Batch, o.Crops, o.ValidateEvery = epochs, 2, 4, []int{64}, 0
		o.Rate, o.ArchRate, o.Seed = 0.05, 0.03, seed
		s, err := New(o, newPlanted(), nil, 2)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		err = s.Run(context.Background(), Progress{Epoch: func(r Record) {
			if r.Epoch%10 != 0 {
				return
			}
			t.Logf("seed %d epoch %d: loss %.3f %.3f, entropy %.3f %.3f, %s %v", seed, r.Epoch, r.Loss, r.ArchLoss, r.AlphaEntropy, r.BetaEntropy, r.Cell, r.Path)
		}}, time.Hour, func() error { return nil })
		s.Close()
		if err != nil {
			t.Fatal(err)
		}
		d, err := s.Relaxation().Decode(decode.DecodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		last := s.History()[len(s.History())-1]
		t.Logf("seed %d: %v, loss %.3f, mIoU %.3f", seed, time.Since(began).Round(time.Second), last.Loss, last.MIoU)
		if first := s.History()[0]; last.Loss >= first.Loss {
			t.Errorf("seed %d: the loss went from %.3f to %.3f", seed, first.Loss, last.Loss)
		}
		if testing.Short() {
			continue
		}
		if got := d.Architecture.Cell[0][0].Op; got != decode.AtrConv5x5 {
			t.Errorf("seed %d: the strongest operator is %v, want %v", seed, got, decode.AtrConv5x5)
		}
		if !slices.Equal(d.Architecture.Path, make([]int, o.Layers)) {
			t.Errorf("seed %d: path %v, want all at level 0", seed, d.Architecture.Path)
		}
	}
}
