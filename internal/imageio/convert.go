package imageio

import (
	"image"
	"image/color"
	"image/draw"
)

// toRGBA brings any decoded picture to 8-bit RGB on white, its origin at (0, 0).
func toRGBA(m image.Image, format string) *image.RGBA {
	b := m.Bounds()
	dst := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	if format == "WebP" {
		switch m := m.(type) {
		case *image.YCbCr:
			videoRange(dst, m, nil, 0)
			return dst
		case *image.NYCbCrA:
			videoRange(dst, &m.YCbCr, m.A, m.AStride)
			return dst
		}
	}
	if o, ok := m.(interface{ Opaque() bool }); ok && o.Opaque() {
		draw.Draw(dst, dst.Rect, m, b.Min, draw.Src)
		return dst
	}
	draw.Draw(dst, dst.Rect, image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.Draw(dst, dst.Rect, m, b.Min, draw.Over)
	return dst
}

// videoRange converts a lossy WebP's planes. VP8 stores BT.601 luma in 16…235 and chroma in 16…240, while image.YCbCr's
// own conversion takes JPEG's full range and would wash the colours out. Coefficients are those of BT.601 times 2^16:
// 255/219; then 255/224 times 1.402, 0.344136, 0.714136 and 1.772.
func videoRange(dst *image.RGBA, m *image.YCbCr, alpha []byte, alphaStride int) {
	const (
		luma       = 76309
		redCr      = 104597
		greenCb    = 25675
		greenCr    = 53279
		blueCb     = 132201
		half       = 1 << 15
		white      = 255
		mid, black = 128, 16
	)
	w, h := dst.Rect.Dx(), dst.Rect.Dy()
	for y := range h {
		row := dst.Pix[y*dst.Stride:]
		for x := range w {
			c := m.COffset(m.Rect.Min.X+x, m.Rect.Min.Y+y)
			yy := (int(m.Y[m.YOffset(m.Rect.Min.X+x, m.Rect.Min.Y+y)])-black)*luma + half
			cb, cr := int(m.Cb[c])-mid, int(m.Cr[c])-mid
			rgb := [3]int{(yy + redCr*cr) >> 16, (yy - greenCb*cb - greenCr*cr) >> 16, (yy + blueCb*cb) >> 16}
			for k, v := range rgb {
				v = min(max(v, 0), 255)
				if alpha != nil {
					a := int(alpha[y*alphaStride+x])
					v = (v*a + white*(255-a) + 127) / 255
				}
				row[4*x+k] = uint8(v)
			}
			row[4*x+3] = 255
		}
	}
}
