package dataset

import (
	"bytes"
	"fmt"
	"image"
	"io"
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
	p, labels, h, w, err := s.read(sample)
	if err != nil {
		return nil, err
	}
	if h != p.Height() || w != p.Width() {
		return nil, fmt.Errorf("%s: its labels in %s are %d×%d, the image is %d×%d", sample.Image, sample.Label, w, h, p.Width(), p.Height())
	}
	if err := sample.scheme.apply(&s.Classes, labels, w); err != nil {
		return nil, fmt.Errorf("%s: %w", sample.Label, err)
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

// read gives a sample's picture, and the values of its labels as they are in the file.
func (s *Set) read(sample Sample) (p *imageio.Picture, ids []uint8, h, w int, err error) {
	if sample.record != (span{}) {
		return s.readRecord(sample)
	}
	if p, err = imageio.ReadFile(sample.Image, MaxPixels); err != nil {
		return nil, nil, 0, 0, err
	}
	data, err := readLimited(sample.Label)
	if err != nil {
		return nil, nil, 0, 0, err
	}
	if ids, h, w, err = s.Classes.decodeLabels(data); err != nil {
		return nil, nil, 0, 0, fmt.Errorf("%s: %w", sample.Label, err)
	}
	return p, ids, h, w, nil
}

func readLimited(path string) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > maxLabelBytes {
		return nil, fmt.Errorf("%s: %d bytes, want at most %d", path, info.Size(), maxLabelBytes)
	}
	data := make([]byte, info.Size())
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}

// openRegular opens a file of a data set, which is somebody else's folder: opening a pipe there would wait for ever, and a
// device has no end.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", path)
	}
	return os.Open(path)
}

func (s *Set) readRecord(sample Sample) (p *imageio.Picture, ids []uint8, h, w int, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s (%s): %w", sample.Image, sample.Name, err)
		}
	}()
	f, err := openRegular(sample.Image)
	if err != nil {
		return nil, nil, 0, 0, err
	}
	defer f.Close()
	record, err := readRecord(f, sample.record)
	if err != nil {
		return nil, nil, 0, 0, err
	}
	picture, labels, err := pictureAndLabels(record)
	if err != nil {
		return nil, nil, 0, 0, err
	}
	if p, err = imageio.Read(bytes.NewReader(picture), int64(len(picture)), MaxPixels); err != nil {
		return nil, nil, 0, 0, err
	}
	if ids, h, w, err = s.Classes.decodeLabels(labels); err != nil {
		return nil, nil, 0, 0, fmt.Errorf("labels: %w", err)
	}
	return p, ids, h, w, nil
}
