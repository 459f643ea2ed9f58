package imageio

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"

	"autodeeplab/internal/atomicfile"
)

// WriteMask writes m at path as a PNG with a palette, whose pixel values are the class ids. The palette has 256
// entries: those of palette, then black.
func WriteMask(path string, m *Mask, palette []color.RGBA) error {
	full := make(color.Palette, 256)
	for i := range full {
		full[i] = color.RGBA{A: 255}
		if i < len(palette) {
			full[i] = opaque(palette[i])
		}
	}
	img := &image.Paletted{Pix: m.Labels, Stride: m.Width, Rect: image.Rect(0, 0, m.Width, m.Height), Palette: full}
	return writePNG(path, img)
}

// WriteGrey writes m at path as an 8-bit grey PNG, whose values are the class ids.
func WriteGrey(path string, m *Mask) error {
	return writePNG(path, &image.Gray{Pix: m.Labels, Stride: m.Width, Rect: image.Rect(0, 0, m.Width, m.Height)})
}

// WriteOverlay writes a PNG of the picture with each pixel blended towards its class's colour by alpha, 0 (the picture)
// to 1 (the colours). Ids beyond the palette are black. m must be of p's size.
func WriteOverlay(path string, p *Picture, m *Mask, palette []color.RGBA, alpha float64) error {
	if m.Width != p.Width() || m.Height != p.Height() {
		return fmt.Errorf("overlay: the mask is %d×%d, the picture %d×%d", m.Width, m.Height, p.Width(), p.Height())
	}
	share := int(min(max(alpha, 0), 1)*256 + 0.5)
	var colours [256][3]int
	for i, c := range palette[:min(len(palette), 256)] {
		colours[i] = [3]int{int(c.R) * share, int(c.G) * share, int(c.B) * share}
	}
	out := image.NewRGBA(p.RGBA.Rect)
	for y := range m.Height {
		src, dst := p.RGBA.Pix[y*p.RGBA.Stride:], out.Pix[y*out.Stride:]
		for x, id := range m.Labels[y*m.Width : (y+1)*m.Width] {
			c := &colours[id]
			for k := range 3 {
				dst[4*x+k] = uint8((int(src[4*x+k])*(256-share) + c[k] + 128) >> 8)
			}
			dst[4*x+3] = 255
		}
	}
	return writePNG(path, out)
}

func opaque(c color.RGBA) color.RGBA {
	c.A = 255
	return c
}

func writePNG(path string, m image.Image) error {
	return atomicfile.Write(path, func(w io.Writer) error { return png.Encode(w, m) })
}
