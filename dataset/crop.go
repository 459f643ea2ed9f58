package dataset

import (
	"fmt"
	"math"
	"math/rand/v2"

	"autodeeplab/internal/imageio"
)

// scales are those that augmentation draws from: least, least + step … most, or all between where step is 0.
type scales struct{ least, most, step float64 }

// paperScales are those of the paper (§5.2).
var paperScales = scales{0.5, 2, 0.25}

// check says what is wrong with the scales.
func (s scales) check() error {
	switch {
	case !(s.least > 0) || !(s.most >= s.least) || s.most > 16:
		return fmt.Errorf("scales from %g to %g, want 0 < least ≤ most ≤ 16", s.least, s.most)
	case !(s.step >= 0) || s.step > 0 && (s.most-s.least)/s.step > 1e6:
		return fmt.Errorf("scales in steps of %g, want 0 (any scale) or more", s.step)
	}
	return nil
}

func (s scales) draw(r *rand.Rand) float64 {
	if s.step == 0 {
		return s.least + (s.most-s.least)*r.Float64()
	}
	return s.least + s.step*float64(r.IntN(int((s.most-s.least)/s.step+1e-6)+1))
}

// crop is a window of height × width pixels on an image that has been scaled to toHeight × toWidth and then flipped. Where
// the scaled image is smaller than the window it lies at the window's top left, and the rest is padding.
type crop struct {
	height, width     int
	toHeight, toWidth int
	top, left         int
	flip              bool
}

// place draws a crop's place, and whether it is flipped if it may be.
func (p *Pair) place(r *rand.Rand, scale float64, mayFlip bool, height, width int) crop {
	c := crop{height: height, width: width, toHeight: scaled(p.Height, scale), toWidth: scaled(p.Width, scale)}
	c.flip = mayFlip && r.IntN(2) == 1
	c.top, c.left = r.IntN(max(c.toHeight-height, 0)+1), r.IntN(max(c.toWidth-width, 0)+1)
	return c
}

// fill writes the crop of p as picture i of n: image [3, n, height, width], RGB 0…255 with imageio.PadValue outside the
// picture, labels [n, height, width] with Ignore there. The image is interpolated between the four nearest pixels (pixel
// centres at halves, as in PyTorch's align_corners=False), labels are those of the nearest.
func (c crop) fill(p *Pair, i, n int, image []float32, labels []uint8) {
	ys, xs := linearTaps(p.Height, c.toHeight), linearTaps(p.Width, c.toWidth)
	inY, inX := min(c.toHeight-c.top, c.height), min(c.toWidth-c.left, c.width)
	columns := make([]linearTap, inX)
	for x := range columns {
		if columns[x] = xs[c.left+x]; c.flip {
			columns[x] = xs[c.toWidth-1-c.left-x]
		}
	}
	plane := n * c.height * c.width
	for y := range c.height {
		at := (i*c.height + y) * c.width
		row := labels[at:][:c.width]
		var out [3][]float32
		for k := range out {
			out[k] = image[k*plane+at:][:c.width]
		}
		filled := 0
		if y < inY {
			ty := ys[c.top+y]
			filled = inX
			from := p.Labels[ty.nearest*p.Width:][:p.Width]
			low, high := p.RGB[3*ty.low*p.Width:][:3*p.Width], p.RGB[3*ty.high*p.Width:][:3*p.Width]
			for x, tx := range columns {
				row[x] = from[tx.nearest]
				a, b := low[3*tx.low:][:3], low[3*tx.high:][:3]
				d, e := high[3*tx.low:][:3], high[3*tx.high:][:3]
				for k := range out {
					// The conversions keep machines with fused multiply-add from rounding otherwise.
					upper := float32(float32(a[k])*(1-tx.share)) + float32(float32(b[k])*tx.share)
					lower := float32(float32(d[k])*(1-tx.share)) + float32(float32(e[k])*tx.share)
					out[k][x] = float32(upper*(1-ty.share)) + float32(lower*ty.share)
				}
			}
		}
		for x := filled; x < c.width; x++ {
			row[x] = Ignore
			for k := range out {
				out[k][x] = imageio.PadValue
			}
		}
	}
}

// linearTap says which pixels of an axis a pixel of the scaled axis is made of.
type linearTap struct {
	low, high, nearest int
	share              float32 // of high
}

func linearTaps(from, to int) []linearTap {
	taps := make([]linearTap, to)
	for i := range taps {
		x := (float64(i)+0.5)*float64(from)/float64(to) - 0.5
		low := math.Floor(x)
		inside := func(v int) int { return min(max(v, 0), from-1) }
		taps[i] = linearTap{inside(int(low)), inside(int(low) + 1), (2*i + 1) * from / (2 * to), float32(x - low)}
	}
	return taps
}
