package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"

	"autodeeplab/internal/imageio"
)

// ParseLabels reads a label map: a PNG of 8-bit grey values or of palette indices, each a class or IgnoreLabel or 255,
// which both become Ignore; or, where Palette is the benchmark's own, one in the classes' colours.
func (c *Classes) ParseLabels(data []byte) (labels []uint8, h, w int, err error) {
	if labels, h, w, err = c.decodeLabels(data); err == nil {
		err = asClasses.apply(c, labels, w)
	}
	if err != nil {
		return nil, 0, 0, err
	}
	return labels, h, w, nil
}

// errColours is a label map in colours that mean nothing here.
var errColours = errors.New("want 8-bit grey values or palette indices that are class ids")

// errNotPNG is a label file that is something else.
var errNotPNG = errors.New("labels must be a PNG (others lose or mix values)")

// maxPacking is the most pixels that a byte of a PNG can hold: a pixel is a bit at least, and Deflate makes 1032 bytes of
// one.
const maxPacking = 8 * 1032

// decodeLabels gives the values of a label map as they are.
func (c *Classes) decodeLabels(data []byte) (ids []uint8, h, w int, err error) {
	defer func() { // as in imageio.Read: a panic of the decoder is a damaged file, in whatever goroutine it is read
		if v := recover(); v != nil {
			ids, h, w, err = nil, 0, 0, fmt.Errorf("damaged PNG: %v", v)
		}
	}()
	config, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		if bytes.HasPrefix(data, []byte("\xff\xd8\xff")) {
			return nil, 0, 0, fmt.Errorf("%w: it is a JPEG", errNotPNG)
		}
		return nil, 0, 0, fmt.Errorf("%w: %w", errNotPNG, err)
	}
	if config.Width > MaxPixels/config.Height {
		return nil, 0, 0, fmt.Errorf("%d×%d pixels, want at most %d", config.Width, config.Height, MaxPixels)
	}
	if int64(config.Width)*int64(config.Height)/maxPacking > int64(len(data)) { // the decoder takes memory for all of them first
		return nil, 0, 0, fmt.Errorf("damaged PNG: %d bytes cannot hold %d×%d pixels", len(data), config.Width, config.Height)
	}
	if err := imageio.WholePNG(bytes.NewReader(data), int64(len(data))); err != nil {
		return nil, 0, 0, err
	}
	// The bit depth is the 25th byte of every PNG. Package png spreads grey values of fewer bits over 0…255.
	if depth := data[24]; config.ColorModel == color.GrayModel && depth != 8 {
		return nil, 0, 0, fmt.Errorf("grey values of %d bits, want 8 bits, or palette indices", depth)
	}
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, 0, 0, fmt.Errorf("damaged PNG: %w", err)
	}
	w, h = config.Width, config.Height
	switch m := m.(type) {
	case *image.Gray:
		return packed(m.Pix, m.Stride, h, w), h, w, nil
	case *image.Paletted:
		return packed(m.Pix, m.Stride, h, w), h, w, nil
	case *image.RGBA:
		ids, err = c.fromColours(packed(m.Pix, m.Stride, h, 4*w), w)
	case *image.NRGBA:
		ids, err = c.fromColours(packed(m.Pix, m.Stride, h, 4*w), w)
	default:
		err = fmt.Errorf("pixels of 16 bits a channel, %w", errColours)
	}
	return ids, h, w, err
}

// packed drops what a row has beyond its width.
func packed(pix []uint8, stride, h, width int) []uint8 {
	out := make([]uint8, 0, h*width)
	for y := range h {
		out = append(out, pix[y*stride:][:width]...)
	}
	return out
}

// fromColours turns pixels of red, green, blue and alpha into the classes whose colours they are.
func (c *Classes) fromColours(pix []uint8, w int) ([]uint8, error) {
	if !c.coded {
		grey := true
		for i := 0; i < len(pix) && grey; i += 4 {
			grey = pix[i] == pix[i+1] && pix[i] == pix[i+2]
		}
		if grey {
			return nil, fmt.Errorf("a grey map that was saved with three equal channels, %w: save it with one", errColours)
		}
		return nil, fmt.Errorf("pixels in colours, %w", errColours)
	}
	ids := make(map[color.RGBA]uint8, c.Len()+1)
	ids[c.IgnoreColour] = c.IgnoreLabel
	for i, colour := range c.Palette {
		ids[colour] = uint8(i)
	}
	out := make([]uint8, len(pix)/4)
	var last color.RGBA // neighbours are alike, and looking up is slow
	var id uint8
	for i := range out {
		p := pix[4*i:][:4]
		colour := color.RGBA{p[0], p[1], p[2], p[3]}
		if i == 0 || colour != last {
			var ok bool
			if id, ok = ids[colour]; !ok {
				return nil, fmt.Errorf("pixels in colours, and #%02x%02x%02x at column %d, row %d is no class's: %w, or the classes' colours and no others", p[0], p[1], p[2], i%w, i/w, errColours)
			}
			last = colour
		}
		out[i] = id
	}
	return out, nil
}
