// Package imageio is the way from a picture file to a network's input, and from the network's output back to a mask of
// the picture's own size: reading (PNG, JPEG, WebP, BMP, TIFF, upright by EXIF), fitting into the input, labels from
// logits, and writing palette masks and overlays.
package imageio

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"os"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"
)

// DefaultMaxPixels is how many pixels a picture may have if a caller has no other wish: what the largest cameras give,
// at four bytes a pixel in memory.
const DefaultMaxPixels = 200_000_000

// MaxSide is the longest width or height that is read; it is JPEG's own limit.
const MaxSide = 65535

// Errors that Read and ReadFile wrap, so that a caller can tell the cases apart.
var (
	// ErrNotPicture: the file begins like none of the formats that are read.
	ErrNotPicture = errors.New("not a picture (PNG, JPEG, WebP, BMP and TIFF are read)")
	// ErrDamaged: the file begins like a picture, but ends too early or breaks its format's rules.
	ErrDamaged = errors.New("damaged picture")
	// ErrUnsupported: the picture is well-formed, but uses a feature that is not read.
	ErrUnsupported = errors.New("unsupported picture")
	// ErrTooLarge: the header promises more pixels than the limit.
	ErrTooLarge = errors.New("picture too large")
)

// Picture is a picture as a network and an overlay want it.
type Picture struct {
	// RGBA holds 8 bits a channel, sRGB as stored (colour profiles are not applied), upright, its origin at (0, 0) and
	// every alpha 255: what was transparent has been laid on white. Deeper channels keep their upper 8 bits.
	RGBA *image.RGBA
	// Format is "PNG", "JPEG", "WebP", "BMP" or "TIFF".
	Format string
	// Orientation is the EXIF orientation (1…8) that the file asked for and RGBA has been turned by; 1 where it has none.
	Orientation int
}

// Width is the upright width in pixels.
func (p *Picture) Width() int { return p.RGBA.Rect.Dx() }

// Height is the upright height in pixels.
func (p *Picture) Height() int { return p.RGBA.Rect.Dy() }

// format is one row of the table of what is read. Header and pixels get a fresh reader over the whole file each.
type format struct {
	name   string
	header func(io.Reader) (image.Config, error)
	pixels func(io.Reader) (image.Image, error)
	// packing is the most pixels that size bytes can hold in rows of a width, nil where there is no such bound.
	packing func(r io.ReaderAt, size int64, width int) int64
}

var formats = map[string]format{
	"PNG":  {"PNG", png.DecodeConfig, png.Decode, perByte(8 * 1032)},
	"JPEG": {"JPEG", jpeg.DecodeConfig, jpeg.Decode, perByte(8 * 64)},
	"WebP": {"WebP", webp.DecodeConfig, webp.Decode, nil},
	"BMP":  {"BMP", bmp.DecodeConfig, bmp.Decode, perByte(8)},
	"TIFF": {"TIFF", tiff.DecodeConfig, tiff.Decode, tiffPacking},
}

// ReadFile reads the picture at path; the kind is told by its contents, never by its name. maxPixels bounds width ×
// height, 0 meaning DefaultMaxPixels, and is checked before pixels are decoded. Errors begin with path and wrap one of
// this package's errors or the file system's.
func ReadFile(path string, maxPixels int) (*Picture, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w: it is not a regular file", path, ErrNotPicture)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p, err := Read(f, info.Size(), maxPixels)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// Read reads the picture in the first size bytes of r, as ReadFile does. Of a file with several pictures (TIFF pages)
// it reads the first.
func Read(r io.ReaderAt, size int64, maxPixels int) (p *Picture, err error) {
	if maxPixels <= 0 {
		maxPixels = DefaultMaxPixels
	}
	if size == 0 {
		return nil, fmt.Errorf("%w: the file is empty", ErrNotPicture)
	}
	// The decoders are other people's code on hostile input: a panic there is a damaged file here.
	defer func() {
		if v := recover(); v != nil {
			p, err = nil, fmt.Errorf("%w: %v", ErrDamaged, v)
		}
	}()
	name, err := sniff(r, size)
	if err != nil {
		return nil, err
	}
	f := formats[name]
	section := func() io.Reader {
		s := io.NewSectionReader(r, 0, size)
		if name == "TIFF" { // its decoder jumps about, and does so through io.ReaderAt
			return s
		}
		return bufio.NewReaderSize(s, 1<<16)
	}
	c, err := f.header(section())
	if err != nil {
		return nil, f.explain(r, size, err)
	}
	switch {
	case c.Width <= 0 || c.Height <= 0:
		return nil, fmt.Errorf("%w: %s of %d×%d pixels", ErrDamaged, name, c.Width, c.Height)
	case c.Width > maxPixels/c.Height:
		return nil, fmt.Errorf("%w: %d×%d pixels, at most %d are read (--limit picture-pixels)", ErrTooLarge, c.Width, c.Height, maxPixels)
	case max(c.Width, c.Height) > MaxSide:
		return nil, fmt.Errorf("%w: %d×%d pixels, at most %d a side are read", ErrTooLarge, c.Width, c.Height, MaxSide)
	case f.packing != nil && int64(c.Width)*int64(c.Height) > f.packing(r, size, c.Width):
		return nil, fmt.Errorf("%w: %d bytes cannot hold the %d×%d pixels that the %s header promises", ErrDamaged, size, c.Width, c.Height, name)
	}
	if name == "PNG" {
		if err := WholePNG(r, size); err != nil {
			return nil, err
		}
	}
	m, err := f.pixels(section())
	if err != nil {
		return nil, f.explain(r, size, err)
	}
	if b := m.Bounds(); b.Dx() != c.Width || b.Dy() != c.Height {
		return nil, fmt.Errorf("%w: the %s header says %d×%d pixels, the data %d×%d", ErrDamaged, name, c.Width, c.Height, b.Dx(), b.Dy())
	}
	o := orientation(io.NewSectionReader(r, 0, size), name)
	return &Picture{RGBA: upright(toRGBA(m, name), o), Format: name, Orientation: o}, nil
}

// sniff names the format by the file's first bytes.
func sniff(r io.ReaderAt, size int64) (string, error) {
	b := make([]byte, min(size, 32))
	if _, err := r.ReadAt(b, 0); err != nil && err != io.EOF {
		return "", err
	}
	at := func(off int, s string) bool { return len(b) >= off+len(s) && string(b[off:off+len(s)]) == s }
	switch {
	case at(0, "\x89PNG\r\n\x1a\n"):
		return "PNG", nil
	case at(0, "\xff\xd8\xff"):
		return "JPEG", nil
	case at(0, "RIFF") && at(8, "WEBP"):
		return "WebP", nil
	case at(0, "II*\x00"), at(0, "MM\x00*"):
		return "TIFF", nil
	case at(0, "BM") && at(6, "\x00\x00\x00\x00"): // two letters alone would take a text for a picture; these are reserved
		return "BMP", nil
	case at(0, "GIF8"):
		return "", fmt.Errorf("a GIF: %w", ErrNotPicture)
	case at(4, "ftyp"):
		return "", fmt.Errorf("a HEIC, AVIF or video file: %w", ErrNotPicture)
	}
	return "", ErrNotPicture
}

// explain turns a decoder's error into one that says what is wrong with the file.
func (f format) explain(r io.ReaderAt, size int64, err error) error {
	var (
		badJPEG jpeg.UnsupportedError
		badPNG  png.UnsupportedError
		badTIFF tiff.UnsupportedError
	)
	switch {
	case errors.As(err, &badJPEG), errors.As(err, &badPNG), errors.As(err, &badTIFF), errors.Is(err, bmp.ErrUnsupported):
		return fmt.Errorf("%w: %s: %v", ErrUnsupported, f.name, err)
	case f.name == "WebP" && animated(r):
		return fmt.Errorf("%w: an animated WebP", ErrUnsupported)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), f.endsEarly(r, size):
		return fmt.Errorf("%w: truncated %s (the file ends before the picture does)", ErrDamaged, f.name)
	}
	return fmt.Errorf("%w: %s: %v", ErrDamaged, f.name, err)
}

// endsEarly reports whether a file that did not decode lacks its format's end: the last marker of PNG and JPEG, the
// promised length of WebP.
func (f format) endsEarly(r io.ReaderAt, size int64) bool {
	tail := make([]byte, min(size, 32))
	if _, err := r.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return false
	}
	switch f.name {
	case "PNG":
		return !bytes.Contains(tail, []byte("IEND"))
	case "JPEG":
		return !bytes.Contains(tail, []byte("\xff\xd9"))
	case "WebP":
		return riffSize(r) > size
	}
	return false
}

// riffSize is the file size that a RIFF header promises.
func riffSize(r io.ReaderAt) int64 {
	var b [4]byte
	if _, err := r.ReadAt(b[:], 4); err != nil {
		return 0
	}
	return int64(b[0]) | int64(b[1])<<8 | int64(b[2])<<16 | int64(b[3])<<24 + 8
}

// animated reads the animation bit of an extended WebP header.
func animated(r io.ReaderAt) bool {
	var b [21]byte
	_, err := r.ReadAt(b[:], 0)
	return err == nil && string(b[12:16]) == "VP8X" && b[20]&2 != 0
}
