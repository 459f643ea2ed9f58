package report

import (
	"bytes"
	"image"
	"image/color"
	"image/png"

	"golang.org/x/image/draw"
)

// Triptych draws a picture [height, width, 3], its labels and a prediction [height, width] side by side, as a PNG in which
// each is at most so many pixels wide and high. Labels that the palette does not have are black.
func Triptych(rgb, labels, prediction []uint8, height, width int, palette []color.RGBA, most int) ([]byte, error) {
	const gap = 4
	h, w := height, width
	if long := max(h, w); long > most {
		h, w = max(h*most/long, 1), max(w*most/long, 1)
	}
	out := image.NewRGBA(image.Rect(0, 0, 3*w+2*gap, h))
	photo := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range labels {
		copy(photo.Pix[4*i:], rgb[3*i:][:3])
		photo.Pix[4*i+3] = 255
	}
	draw.BiLinear.Scale(out, image.Rect(0, 0, w, h), photo, photo.Rect, draw.Src, nil)
	for k, mask := range [][]uint8{labels, prediction} {
		for y := range h {
			for x := range w {
				c := color.RGBA{A: 255}
				if label := int(mask[(2*y+1)*height/(2*h)*width+(2*x+1)*width/(2*w)]); label < len(palette) {
					c = palette[label]
				}
				out.SetRGBA((k+1)*(w+gap)+x, y, c)
			}
		}
	}
	var b bytes.Buffer
	err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, out)
	return b.Bytes(), err
}
