// Package draw makes the two figures of the Auto-DeepLab paper for any architecture: the trellis of resolutions with
// the chosen path ([Trellis]) and the cell with its operators ([Cell]), as SVG or PNG.
//
// Both formats come from one drawing routine through gonum's vg canvases. Text is drawn as the outlines of the
// Liberation fonts, so that a picture looks the same wherever it is opened and what is measured is what is seen. The
// same architecture gives the same bytes.
//
// Layers and blocks are numbered from 1 in the figures, as in the paper; JSON and messages count them from 0.
package draw

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"io"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// DefaultDPI is the resolution at which a figure has the size that its SVG form has in a browser: at most about
// 1600×900 pixels for architectures of up to 8 blocks and 16 layers.
const DefaultDPI = 96

// maxPixels bounds the memory of a PNG: 4 bytes a pixel, several times over while it is drawn and compressed.
const maxPixels = 64 << 20

// Figure is a finished drawing, independent of its format. It is not changed by writing and may be written from
// several goroutines at once.
type Figure struct {
	title string  // what it shows, for those who cannot see it
	w, h  float64 // points, 1/72 inch
	items []item
	err   error // why there is no figure
}

// Size returns the figure's width and height in points (1/72 inch).
func (f *Figure) Size() (width, height float64) { return f.w, f.h }

// WriteSVG writes the figure as an SVG document: outlines only, no fonts, scripts or outside references. The error is
// that of the architecture's Validate, or w's.
func (f *Figure) WriteSVG(w io.Writer) error {
	if f.err != nil {
		return f.err
	}
	c := vgsvg.NewWith(vgsvg.UseWH(vg.Length(f.w), vg.Length(f.h)))
	f.draw(c)
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return err
	}
	// vgsvg has no way to say what the picture is; a title is what screen readers and tooltips show.
	doc := b.Bytes()
	start := bytes.Index(doc, []byte("<svg"))
	if start < 0 {
		return errors.New("draw: vgsvg wrote no <svg> element")
	}
	end := start + bytes.IndexByte(doc[start:], '>')
	if _, err := w.Write(doc[:end]); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, " role=\"img\">\n<title>%s</title>", html.EscapeString(f.title)); err != nil {
		return err
	}
	_, err := w.Write(doc[end+1:])
	return err
}

// WritePNG writes the figure as a PNG image on white at dpi dots an inch; see [DefaultDPI]. Resolutions below 10, and
// those that would give more than 64 Mi pixels, are refused with an error that says what is accepted. Other errors are
// that of the architecture's Validate, or w's.
func (f *Figure) WritePNG(w io.Writer, dpi int) error {
	if f.err != nil {
		return f.err
	}
	const least = 10
	most := int(math.Sqrt(maxPixels / (f.w * f.h) * 72 * 72))
	if dpi < least || dpi > most {
		return fmt.Errorf("draw: %d dots an inch; this figure of %.0f×%.0f points takes %d to %d",
			dpi, f.w, f.h, least, most)
	}
	c := vgimg.NewWith(vgimg.UseWH(vg.Length(f.w), vg.Length(f.h)), vgimg.UseDPI(dpi))
	f.draw(c)
	_, err := vgimg.PngCanvas{Canvas: c}.WriteTo(w)
	return err
}

func (f *Figure) draw(c vg.Canvas) {
	background := rect{0, 0, f.w, f.h}
	c.SetColor(white)
	c.Fill(background.path(f.h, 0))
	for _, it := range f.items {
		it.draw(c, f.h)
	}
}
