package imageio

import (
	"image"
	"math"

	"golang.org/x/image/draw"

	"autodeeplab/onnx/tensor"
)

// PadValue fills the part of a network's input that no picture covers: mid-grey, which is 0 after the network's own
// x·2/255 − 1, as in training.
const PadValue = 127.5

// Fit says how a picture lies in a network's input: scaled to ContentW × ContentH, at the top left, the rest padded
// with PadValue. All sizes are in pixels and at least 1.
type Fit struct {
	PhotoW, PhotoH     int
	InputW, InputH     int
	ContentW, ContentH int
	// Aligned says that the corner pixels of a smaller output lie on those of the input, whatever the sizes, as with the
	// compiler's --output-stride 4. Else the sizes tell, see Labels.
	Aligned bool
}

// NewFit plans the input for a picture of w × h. An input side of 0 is dynamic: it follows the picture. A picture is
// only ever shrunk, with its aspect kept, never enlarged (a small one is padded, as in training): until it fits the
// fixed sides, and, where a side is dynamic and maxSide is not 0, until no side is longer than maxSide.
func NewFit(w, h, inputW, inputH, maxSide int) Fit {
	scale := 1.0
	if inputW > 0 {
		scale = min(scale, float64(inputW)/float64(w))
	}
	if inputH > 0 {
		scale = min(scale, float64(inputH)/float64(h))
	}
	if maxSide > 0 && (inputW == 0 || inputH == 0) {
		scale = min(scale, float64(maxSide)/float64(max(w, h)))
	}
	side := func(n int) int { return max(1, int(math.Round(float64(n)*scale))) }
	f := Fit{PhotoW: w, PhotoH: h, InputW: inputW, InputH: inputH, ContentW: side(w), ContentH: side(h)}
	if inputW == 0 {
		f.InputW = f.ContentW
	}
	if inputH == 0 {
		f.InputH = f.ContentH
	}
	return f
}

// Tensor is the network's input: float32 [1, 3, InputH, InputW], RGB, 0…255. Shrinking averages over the pixels that a
// new one covers (a triangle filter as wide as the step), so that nothing aliases.
func (p *Picture) Tensor(f Fit) *tensor.Tensor {
	plane := f.InputW * f.InputH
	data := make([]float32, 3*plane)
	if f.ContentW != f.InputW || f.ContentH != f.InputH {
		for i := range data {
			data[i] = PadValue
		}
	}
	put := func(x, y int, r, g, b float32) {
		i := y*f.InputW + x
		data[i], data[plane+i], data[2*plane+i] = r, g, b
	}
	if f.ContentW == p.Width() && f.ContentH == p.Height() {
		for y := range f.ContentH {
			row := p.RGBA.Pix[y*p.RGBA.Stride:]
			for x := range f.ContentW {
				put(x, y, float32(row[4*x]), float32(row[4*x+1]), float32(row[4*x+2]))
			}
		}
		return tensor.Of(data, 1, 3, f.InputH, f.InputW)
	}
	// 16 bits keep what averaging gains; the scaler would cut 8 bits down, half a level too dark.
	small := image.NewRGBA64(image.Rect(0, 0, f.ContentW, f.ContentH))
	draw.BiLinear.Scale(small, small.Rect, p.RGBA, p.RGBA.Rect, draw.Src, nil)
	for y := range f.ContentH {
		for x := range f.ContentW {
			c := small.RGBA64At(x, y)
			put(x, y, float32(c.R)/257, float32(c.G)/257, float32(c.B)/257)
		}
	}
	return tensor.Of(data, 1, 3, f.InputH, f.InputW)
}
