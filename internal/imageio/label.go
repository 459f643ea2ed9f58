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
		labels, h, w, err := LabelMap(out)
		if err != nil {
			return nil, err
		}
		f.nearest(m, labels, h, w)
		return m, nil
	}
	scores, classes, h, w, err := Scores(out)
	if err != nil {
		return nil, err
	}
	f.argmax(m, scores, classes, h, w, threads)
	return m, nil
}

// LabelMap reads an output of integer labels: [1,h,w], [1,1,h,w] or [h,w], each 0…255. Errors wrap ErrOutput.
func LabelMap(out *tensor.Tensor) (labels []uint8, h, w int, err error) {
	shape := out.Shape
	for len(shape) > 2 && shape[0] == 1 {
		shape = shape[1:]
	}
	if len(shape) != 2 || shape[0] < 1 || shape[1] < 1 {
		return nil, 0, 0, fmt.Errorf("%w: %s, want labels [1,h,w]", ErrOutput, out)
	}
	h, w = shape[0], shape[1]
	if labels = tensor.Data[uint8](out); labels != nil {
		return labels, h, w, nil
	}
	values, err := out.Ints()
	if err != nil {
		return nil, 0, 0, fmt.Errorf("%w: %w", ErrOutput, err)
	}
	labels = make([]uint8, len(values))
	for i, v := range values {
		if v < 0 || v > 255 {
			return nil, 0, 0, fmt.Errorf("%w: label %d, want 0 to 255", ErrOutput, v)
		}
		labels[i] = uint8(v)
	}
	return labels, h, w, nil
}

// Scores reads an output of logits or probabilities, float32, float16 or float64 [1,C,h,w] with 2 ≤ C ≤ 256, none of
// which may be NaN or +∞. Errors wrap ErrOutput.
func Scores(out *tensor.Tensor) (scores []float32, classes, h, w int, err error) {
	s := out.Shape
	if len(s) != 4 || s[0] != 1 || s[1] < 2 || s[1] > 256 || s[2] < 1 || s[3] < 1 {
		return nil, 0, 0, 0, fmt.Errorf("%w: %s, want logits float[1,C,h,w] with C from 2 to 256, or integer labels [1,h,w]", ErrOutput, out)
	}
	if scores, err = floats(out); err != nil {
		return nil, 0, 0, 0, err
	}
	for i, v := range scores {
		if v != v || v > math.MaxFloat32 {
			hw := s[2] * s[3]
			return nil, 0, 0, 0, fmt.Errorf("%w: it holds %v (class %d, row %d, column %d)", ErrOutput, v, i/hw, i%hw/s[3], i%s[3])
		}
	}
	return scores, s[1], s[2], s[3], nil
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

func (f Fit) nearest(m *Mask, labels []uint8, h, w int) {
	m.Labels = make([]uint8, m.Width*m.Height)
	xs := f.axis(f.PhotoW, f.ContentW, f.InputW, w)
	for y, ty := range f.axis(f.PhotoH, f.ContentH, f.InputH, h) {
		row := m.Labels[y*m.Width : (y+1)*m.Width]
		for x, tx := range xs {
			row[x] = labels[ty.Nearest()*w+tx.Nearest()]
		}
	}
}

// Tap is where a pixel lies on one axis of a map: between index Lo and Hi, at share Frac of the way. Hi is Lo + 1, or Lo
// at an edge.
type Tap struct {
	Lo, Hi int
	Frac   float32
}

// Nearest is the index that is nearest.
func (t Tap) Nearest() int {
	if t.Frac >= 0.5 {
		return t.Hi
	}
	return t.Lo
}

// Taps finds positions of a network's input, in its pixels, on one axis of its output. An output of n·stride + 1 → n + 1
// points has its corners aligned with the input's (DeepLab's sizes); any other smaller output is taken as pixel centres,
// unless the network is known to align them.
func Taps(at []float64, input, output int, aligned bool) []Tap {
	toOutput := func(x float64) float64 {
		return (x+0.5)*float64(output)/float64(input) - 0.5
	}
	switch {
	case output == input:
		toOutput = func(x float64) float64 { return x }
	case output > 1 && output < input && (aligned || input%output != 0 && (input-1)%(output-1) == 0):
		toOutput = func(x float64) float64 { return x * float64(output-1) / float64(input-1) }
	}
	taps := make([]Tap, len(at))
	for i, x := range at {
		x = min(max(toOutput(x), 0), float64(output-1))
		lo := int(x)
		taps[i] = Tap{Lo: lo, Hi: min(lo+1, output-1), Frac: float32(x - float64(lo))}
	}
	return taps
}

// axis computes the taps of one axis: photo pixels onto content (pixel centres, as the shrinking did), and content, being
// the start of the input, onto the output.
func (f Fit) axis(photo, content, input, output int) []Tap {
	at := make([]float64, photo)
	last := float64(content - 1) // beyond this lies padding
	for i := range at {
		at[i] = min(max((float64(i)+0.5)*float64(content)/float64(photo)-0.5, 0), last)
	}
	return Taps(at, input, output, f.Aligned)
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

// argmaxRow fills one row of labels.
func argmaxRow(labels []uint8, best, blended, logits []float32, classes, h, w int, ty Tap, xs []Tap) {
	for c := range classes {
		row := BlendRows(blended, logits[c*h*w:(c+1)*h*w], w, ty)
		for x, t := range xs {
			if v := t.Of(row); c == 0 || v > best[x] {
				best[x], labels[x] = v, uint8(c)
			}
		}
	}
}

// BlendRows blends the two rows of a map of width w that t lies between, in scratch, or gives the row that it lies on.
// Products are rounded before they are added, so that no processor fuses them and all give the same.
func BlendRows(scratch, plane []float32, w int, t Tap) []float32 {
	row := plane[t.Lo*w : (t.Lo+1)*w]
	if t.Frac == 0 {
		return row
	}
	below := plane[t.Hi*w : (t.Hi+1)*w]
	for x, v := range row {
		scratch[x] = v + float32((below[x]-v)*t.Frac)
	}
	return scratch[:w]
}

// Of interpolates in a row.
func (t Tap) Of(row []float32) float32 {
	v := row[t.Lo]
	if t.Frac != 0 {
		v += float32((row[t.Hi] - v) * t.Frac)
	}
	return v
}
