package imageio

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"autodeeplab/onnx/tensor"
)

// ErrOutput is wrapped by every error about a network output that is no segmentation.
var ErrOutput = errors.New("the network's output cannot be made a mask")

// Mask is one class id a pixel, row after row.
type Mask struct {
	Width, Height int
	Labels        []uint8 // of Width·Height
}

// Counts gives how many pixels each id has.
func (m *Mask) Counts() [256]int {
	var n [256]int
	for _, v := range m.Labels {
		n[v]++
	}
	return n
}

// Labels makes the mask at the picture's own size from what a network gave for Tensor(f). It takes
//   - logits or probabilities, float32 (or float16, float64) [1, C, h, w] with 2 ≤ C ≤ 256: each pixel gets the class of
//     the highest value after bilinear interpolation, the lowest id where values tie;
//   - labels, of an integer type, [1, h, w], [1, 1, h, w] or [h, w], 0…255: each pixel gets the nearest.
//
// h × w covers the whole input; what falls on padding is left out. Interpolation goes row by row, so memory stays at a
// few rows a thread beside the mask. threads below 1 means GOMAXPROCS; the result does not depend on it. Errors wrap
// ErrOutput.
func (f Fit) Labels(out *tensor.Tensor, threads int) (*Mask, error) {
	m := &Mask{Width: f.PhotoW, Height: f.PhotoH}
	if out.DType.IsInt() {
		shape := out.Shape
		for len(shape) > 2 && shape[0] == 1 {
			shape = shape[1:]
		}
		if len(shape) != 2 || shape[0] < 1 || shape[1] < 1 {
			return nil, fmt.Errorf("%w: %s, want labels [1,h,w]", ErrOutput, out)
		}
		if err := f.nearest(m, out, shape[0], shape[1]); err != nil {
			return nil, err
		}
		return m, nil
	}
	s := out.Shape
	if len(s) != 4 || s[0] != 1 || s[1] < 2 || s[1] > 256 || s[2] < 1 || s[3] < 1 {
		return nil, fmt.Errorf("%w: %s, want logits float[1,C,h,w] with C from 2 to 256, or integer labels [1,h,w]", ErrOutput, out)
	}
	logits, err := floats(out)
	if err != nil {
		return nil, err
	}
	for i, v := range logits {
		if v != v || v > math.MaxFloat32 {
			hw := s[2] * s[3]
			return nil, fmt.Errorf("%w: it holds %v (class %d, row %d, column %d)", ErrOutput, v, i/hw, i%hw/s[3], i%s[3])
		}
	}
	f.argmax(m, logits, s[1], s[2], s[3], threads)
	return m, nil
}

func floats(t *tensor.Tensor) ([]float32, error) {
	switch d := t.Data.(type) {
	case []float32:
		return d, nil
	case []float64:
		out := make([]float32, len(d))
		for i, v := range d {
			out[i] = float32(v)
		}
		return out, nil
	case []tensor.F16:
		out := make([]float32, len(d))
		for i, v := range d {
			out[i] = v.Float32()
		}
		return out, nil
	}
	return nil, fmt.Errorf("%w: it is of type %s", ErrOutput, t.DType)
}

func (f Fit) nearest(m *Mask, out *tensor.Tensor, h, w int) error {
	labels, err := out.Ints()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrOutput, err)
	}
	m.Labels = make([]uint8, m.Width*m.Height)
	xs := f.axis(f.PhotoW, f.ContentW, f.InputW, w)
	for y, ty := range f.axis(f.PhotoH, f.ContentH, f.InputH, h) {
		row := m.Labels[y*m.Width : (y+1)*m.Width]
		for x, tx := range xs {
			v := labels[ty.nearest()*w+tx.nearest()]
			if v < 0 || v > 255 {
				return fmt.Errorf("%w: label %d, want 0 to 255", ErrOutput, v)
			}
			row[x] = uint8(v)
		}
	}
	return nil
}

// tap is where one pixel of the picture lies on one axis of the output: between index lo and hi, at share frac of the
// way. hi is lo + 1, or lo at an edge.
type tap struct {
	lo, hi int
	frac   float32
}

func (t tap) nearest() int {
	if t.frac >= 0.5 {
		return t.hi
	}
	return t.lo
}

// axis computes the taps of one axis: photo pixels onto content (pixel centres, as the shrinking did) and content, being
// the start of the input, onto the output. An output of n·stride + 1 → n + 1 points has its corners aligned with the
// input's (DeepLab's sizes); any other smaller output is taken as pixel centres again, unless the network is known to
// align them.
func (f Fit) axis(photo, content, input, output int) []tap {
	taps := make([]tap, photo)
	last := float64(content - 1) // beyond this lies padding
	toOutput := func(x float64) float64 {
		return (x+0.5)*float64(output)/float64(input) - 0.5
	}
	switch {
	case output == input:
		toOutput = func(x float64) float64 { return x }
	case output > 1 && output < input && (f.Aligned || input%output != 0 && (input-1)%(output-1) == 0):
		toOutput = func(x float64) float64 { return x * float64(output-1) / float64(input-1) }
	}
	for i := range taps {
		x := (float64(i)+0.5)*float64(content)/float64(photo) - 0.5
		x = toOutput(min(max(x, 0), last))
		x = min(max(x, 0), float64(output-1))
		lo := int(x)
		taps[i] = tap{lo: lo, hi: min(lo+1, output-1), frac: float32(x - float64(lo))}
	}
	return taps
}

// rowsAtATime is how many rows a worker takes at once: enough to make taking cheap, few enough to balance.
const rowsAtATime = 16

func (f Fit) argmax(m *Mask, logits []float32, classes, h, w, threads int) {
	m.Labels = make([]uint8, m.Width*m.Height)
	xs := f.axis(f.PhotoW, f.ContentW, f.InputW, w)
	ys := f.axis(f.PhotoH, f.ContentH, f.InputH, h)
	if threads < 1 {
		threads = runtime.GOMAXPROCS(0)
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(threads, (m.Height+rowsAtATime-1)/rowsAtATime) {
		wg.Go(func() {
			blended := make([]float32, w)
			best := make([]float32, m.Width)
			for {
				lo := int(next.Add(rowsAtATime)) - rowsAtATime
				if lo >= m.Height {
					return
				}
				for y := lo; y < min(lo+rowsAtATime, m.Height); y++ {
					argmaxRow(m.Labels[y*m.Width:(y+1)*m.Width], best, blended, logits, classes, h, w, ys[y], xs)
				}
			}
		})
	}
	wg.Wait()
}

// argmaxRow fills one row of labels. Products are rounded before they are added, so that no processor fuses them and
// all give the same labels.
func argmaxRow(labels []uint8, best, blended, logits []float32, classes, h, w int, ty tap, xs []tap) {
	for c := range classes {
		plane := logits[c*h*w : (c+1)*h*w]
		row := plane[ty.lo*w : (ty.lo+1)*w]
		if ty.frac != 0 {
			below := plane[ty.hi*w : (ty.hi+1)*w]
			for x, v := range row {
				blended[x] = v + float32((below[x]-v)*ty.frac)
			}
			row = blended
		}
		for x, t := range xs {
			v := row[t.lo]
			if t.frac != 0 {
				v += float32((row[t.hi] - v) * t.frac)
			}
			if c == 0 || v > best[x] {
				best[x], labels[x] = v, uint8(c)
			}
		}
	}
}
