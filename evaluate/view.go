package evaluate

import (
	"image"
	"slices"

	"autodeeplab/dataset"
	"autodeeplab/internal/imageio"
	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/tensor"
)

// picture is a pair's picture as package imageio has it.
func picture(pair *dataset.Pair) *imageio.Picture {
	m := image.NewRGBA(image.Rect(0, 0, pair.Width, pair.Height))
	for i := range pair.Height * pair.Width {
		copy(m.Pix[4*i:], pair.RGB[3*i:][:3])
		m.Pix[4*i+3] = 255
	}
	return &imageio.Picture{RGBA: m}
}

// input cuts a window out of a view: float32 [1, 3, rows.size, columns.size], RGB 0…255, imageio.PadValue beyond the
// view. It is interpolated from the picture itself, so that no view is ever in memory as a whole.
func (j *job) input(pool *kernel.Pool, pair *dataset.Pair) *tensor.Tensor {
	h, w := j.rows.size, j.columns.size
	data := make([]float32, 3*h*w)
	ys, xs := taps(j.rows, j.row.start), taps(j.columns, j.column.start)
	pool.For(h, max(1, 1<<14/w), func(_, lo, hi int) {
		for y := lo; y < hi; y++ {
			for c := range 3 {
				row := data[c*h*w+y*w:][:w]
				filled := 0
				if y < len(ys) {
					sample(row, pair.RGB, 3*pair.Width, c, ys[y], xs)
					filled = len(xs)
				}
				for x := filled; x < w; x++ {
					row[x] = imageio.PadValue
				}
				if j.mirrored {
					slices.Reverse(row)
				}
			}
		}
	})
	return tensor.Of(data, 1, 3, h, w)
}

// taps finds a window's pixels, as far as they lie on the view, in the picture.
func taps(a *axis, start int) []imageio.Tap {
	at := make([]float64, min(a.size, a.view-start))
	for i := range at {
		at[i] = between(start+i, a.view, a.picture)
	}
	return imageio.Taps(at, a.picture, a.picture, false)
}

// sample interpolates a channel of a picture [h, w, 3].
func sample(row []float32, rgb []uint8, stride, channel int, y imageio.Tap, xs []imageio.Tap) {
	top, bottom := rgb[y.Lo*stride+channel:], rgb[y.Hi*stride+channel:]
	for i, x := range xs {
		a, b := float32(top[3*x.Lo]), float32(top[3*x.Hi])
		if y.Frac != 0 {
			a += float32((float32(bottom[3*x.Lo]) - a) * y.Frac)
			b += float32((float32(bottom[3*x.Hi]) - b) * y.Frac)
		}
		row[i] = a + float32((b-a)*x.Frac)
	}
}
