package dataset

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"

	"golang.org/x/image/draw"

	"autodeeplab/internal/imageio"
)

// Ignore is the label of pixels that do not count, in everything that Load gives, whatever it is in the files.
const Ignore = 255

// Pair is a sample in memory.
type Pair struct {
	Height, Width int
	RGB           []uint8 // [Height, Width, 3]
	Labels        []uint8 // [Height, Width], class ids or Ignore
}

// MaxPixels is how many pixels an image of a set may have.
const MaxPixels = 1 << 26

// maxLabelBytes is the size of the largest label file that is read.
const maxLabelBytes = 1 << 28

// Load reads a sample and resizes it by scale: the image with a triangle filter that covers what it shrinks, the labels
// to the nearest pixel. Errors name the file.
func (s *Set) Load(sample Sample, scale float64) (*Pair, error) {
	p, err := imageio.ReadFile(sample.Image, MaxPixels)
	if err != nil {
		return nil, err
	}
	labels, h, w, err := s.readLabels(sample.Label)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", sample.Label, err)
	}
	if h != p.Height() || w != p.Width() {
		return nil, fmt.Errorf("%s: its labels in %s are %d×%d, the image is %d×%d", sample.Image, sample.Label, w, h, p.Width(), p.Height())
	}
	rgba := p.RGBA
	if scale != 1 {
		sh, sw := scaled(h, scale), scaled(w, scale)
		if sh*sw > MaxPixels {
			return nil, fmt.Errorf("%s: %d×%d after scaling by %g, want at most %d pixels", sample.Image, sw, sh, scale, MaxPixels)
		}
		to := image.NewRGBA(image.Rect(0, 0, sw, sh))
		draw.BiLinear.Scale(to, to.Bounds(), rgba, rgba.Bounds(), draw.Src, nil)
		rgba, labels = to, nearest(labels, h, w, sh, sw)
		h, w = sh, sw
	}
	pair := &Pair{Height: h, Width: w, RGB: make([]uint8, 3*h*w), Labels: labels}
	for y := range h {
		row := rgba.Pix[y*rgba.Stride:][:4*w]
		for x := range w {
			copy(pair.RGB[3*(y*w+x):][:3], row[4*x:])
		}
	}
	return pair, nil
}

func scaled(n int, scale float64) int { return max(int(math.Round(float64(n)*scale)), 1) }

func nearest(labels []uint8, h, w, toH, toW int) []uint8 {
	out := make([]uint8, toH*toW)
	for y := range toH {
		from := labels[(2*y+1)*h/(2*toH)*w:][:w]
		for x := range toW {
			out[y*toW+x] = from[(2*x+1)*w/(2*toW)]
		}
	}
	return out
}

// readLabels reads a PNG whose pixel values are class ids: 8-bit grey, or a palette's indices.
func (s *Set) readLabels(path string) (labels []uint8, h, w int, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, 0, err
	}
	if info.Size() > maxLabelBytes {
		return nil, 0, 0, fmt.Errorf("%d bytes, want at most %d", info.Size(), maxLabelBytes)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, 0, 0, err
	}
	return s.Classes.ParseLabels(data)
}

// ParseLabels reads a label map: a PNG of 8-bit grey values or of palette indices, each a class or IgnoreLabel or 255,
// which both become Ignore.
func (c *Classes) ParseLabels(data []byte) (labels []uint8, h, w int, err error) {
	config, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, 0, 0, fmt.Errorf("labels must be a PNG: %w", err)
	}
	if config.Width*config.Height > MaxPixels {
		return nil, 0, 0, fmt.Errorf("%d×%d pixels, want at most %d", config.Width, config.Height, MaxPixels)
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
	var pix []uint8
	var stride int
	switch m := m.(type) {
	case *image.Gray:
		pix, stride = m.Pix, m.Stride
	case *image.Paletted:
		pix, stride = m.Pix, m.Stride
	default:
		return nil, 0, 0, fmt.Errorf("pixels of type %T, want 8-bit grey values or palette indices that are class ids", m)
	}
	labels = make([]uint8, 0, w*h)
	for y := range h {
		labels = append(labels, pix[y*stride:][:w]...)
	}
	for i, v := range labels {
		switch {
		case v == c.IgnoreLabel || v == Ignore:
			labels[i] = Ignore
		case int(v) >= c.Len():
			return nil, 0, 0, fmt.Errorf("label %d at column %d, row %d, want 0 to %d, or %d where no class is meant", v, i%w, i/w, c.Len()-1, c.IgnoreLabel)
		}
	}
	return labels, h, w, nil
}
