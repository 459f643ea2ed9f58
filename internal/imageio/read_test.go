package imageio

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// expectation is testdata/expected.json, which testdata/make.py wrote with Pillow and NumPy. Byte slices are base64.
type expectation struct {
	Pictures map[string]struct {
		Width, Height, Orientation, Tolerance int
		RGB                                   []byte
	}
	Resized []struct {
		Width, Height int
		Values        []byte
	}
	Labels []struct {
		Photo, Content, Input, Output [2]int
		Logits, Labels                []byte
	}
}

func expected(t testing.TB) (e expectation) {
	t.Helper()
	data, err := os.ReadFile("testdata/expected.json")
	if err == nil {
		err = json.Unmarshal(data, &e)
	}
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func float32s(t testing.TB, raw []byte) []float32 {
	t.Helper()
	out := make([]float32, len(raw)/4)
	if _, err := binary.Decode(raw, binary.LittleEndian, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestReadAgreesWithPillow(t *testing.T) {
	for name, want := range expected(t).Pictures {
		t.Run(name, func(t *testing.T) {
			p, err := ReadFile(filepath.Join("testdata", name), 0)
			if err != nil {
				t.Fatal(err)
			}
			if p.Width() != want.Width || p.Height() != want.Height || p.Orientation != want.Orientation {
				t.Fatalf("%d×%d, orientation %d, want %d×%d, %d", p.Width(), p.Height(), p.Orientation, want.Width, want.Height, want.Orientation)
			}
			worst := 0
			for i, v := range want.RGB {
				got := p.RGBA.Pix[i/3*4+i%3]
				worst = max(worst, int(got)-int(v), int(v)-int(got))
			}
			if worst > want.Tolerance {
				t.Errorf("a channel is off by %d, want at most %d", worst, want.Tolerance)
			}
			for i := 3; i < len(p.RGBA.Pix); i += 4 {
				if p.RGBA.Pix[i] != 255 {
					t.Fatalf("alpha %d at pixel %d, want 255", p.RGBA.Pix[i], i/4)
				}
			}
		})
	}
}

// TestOrientation holds to EXIF's own words for the tag: which sides of the upright picture the first stored row and
// the first stored column are.
func TestOrientation(t *testing.T) {
	sides := map[uint16][2]string{
		1: {"top", "left"}, 2: {"top", "right"}, 3: {"bottom", "right"}, 4: {"bottom", "left"},
		5: {"left", "top"}, 6: {"right", "top"}, 7: {"right", "bottom"}, 8: {"left", "bottom"},
	}
	const w, h, block = 32, 24, 8
	stored := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			v := color.Gray{Y: 128}
			switch {
			case y < block && x < block:
				v.Y = 255 // first row, first column
			case y < block && x >= w-block:
				v.Y = 0 // first row, last column
			}
			stored.SetGray(x, y, v)
		}
	}
	opposite := map[string]string{"top": "bottom", "bottom": "top", "left": "right", "right": "left"}
	for o, s := range sides {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			data := jpegWithOrientation(t, stored, o, order)
			p, err := Read(bytes.NewReader(data), int64(len(data)), 0)
			if err != nil {
				t.Fatalf("orientation %d: %v", o, err)
			}
			wantW, wantH := w, h
			if s[0] == "left" || s[0] == "right" { // the first row stands upright
				wantW, wantH = h, w
			}
			if p.Width() != wantW || p.Height() != wantH || p.Orientation != int(o) {
				t.Fatalf("orientation %d: %d×%d (read as %d), want %d×%d", o, p.Width(), p.Height(), p.Orientation, wantW, wantH)
			}
			at := func(a, b string) uint8 {
				x, y := 3, 3
				if a == "right" || b == "right" {
					x = wantW - 4
				}
				if a == "bottom" || b == "bottom" {
					y = wantH - 4
				}
				return p.RGBA.RGBAAt(x, y).R
			}
			if v := at(s[0], s[1]); v < 240 {
				t.Errorf("orientation %d: the first pixel stored is not at %s %s (%d there)", o, s[0], s[1], v)
			}
			if v := at(s[0], opposite[s[1]]); v > 15 {
				t.Errorf("orientation %d: the last pixel of the first row is not at %s %s (%d there)", o, s[0], opposite[s[1]], v)
			}
		}
	}
}

// jpegWithOrientation encodes m with an EXIF segment of one entry, right after the start of the file.
func jpegWithOrientation(t testing.TB, m image.Image, o uint16, order binary.AppendByteOrder) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	tiff := []byte("II*\x00")
	if order == binary.BigEndian {
		tiff = []byte("MM\x00*")
	}
	tiff = order.AppendUint32(tiff, 8)
	tiff = order.AppendUint16(tiff, 1)
	tiff = order.AppendUint16(tiff, 0x0112)
	tiff = order.AppendUint16(tiff, 3) // SHORT
	tiff = order.AppendUint32(tiff, 1)
	tiff = order.AppendUint16(tiff, o)
	tiff = append(tiff, 0, 0, 0, 0, 0, 0)
	exif := append([]byte("Exif\x00\x00"), tiff...)
	out := []byte{0xff, 0xd8, 0xff, 0xe1}
	out = binary.BigEndian.AppendUint16(out, uint16(len(exif)+2))
	out = append(out, exif...)
	return append(out, b.Bytes()[2:]...)
}

func TestReadErrors(t *testing.T) {
	file := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	cut := func(name string) []byte { d := file(name); return d[:len(d)*2/3] }
	// A header of 60,000 × 60,000 pixels with no data behind it.
	bomb := file("rgb.png")[:33]
	binary.BigEndian.PutUint32(bomb[16:], 60000)
	binary.BigEndian.PutUint32(bomb[20:], 60000)
	binary.BigEndian.PutUint32(bomb[29:], pngSum(bomb[12:29]))
	long := bytes.Clone(bomb)
	binary.BigEndian.PutUint32(long[16:], 100000)
	binary.BigEndian.PutUint32(long[20:], 1)
	binary.BigEndian.PutUint32(long[29:], pngSum(long[12:29]))
	tests := []struct {
		name string
		data []byte
		is   error
		text string
	}{
		{"text", []byte("hello, world\n"), ErrNotPicture, "PNG, JPEG, WebP, BMP and TIFF are read"},
		{"text that begins like BMP", []byte("BMW is a maker of cars, not a picture"), ErrNotPicture, "not a picture"},
		{"empty", nil, ErrNotPicture, "empty"},
		{"one byte", []byte{0xff}, ErrNotPicture, "not a picture"},
		{"GIF", []byte("GIF89a\x01\x00\x01\x00"), ErrNotPicture, "GIF"},
		{"HEIC", []byte("\x00\x00\x00\x18ftypheic"), ErrNotPicture, "HEIC"},
		{"bomb", bomb, ErrTooLarge, "60000×60000 pixels, at most 200000000 are read (--limit picture-pixels)"},
		{"long", long, ErrTooLarge, "at most 65535 a side"},
		{"cut PNG", cut("rgb.png"), ErrDamaged, "truncated PNG"},
		{"cut JPEG", cut("rgb.jpg"), ErrDamaged, "truncated JPEG"},
		{"cut progressive JPEG", cut("progressive.jpg"), ErrDamaged, "truncated JPEG"},
		{"cut WebP", cut("lossy.webp"), ErrDamaged, "truncated WebP"},
		{"cut lossless WebP", cut("lossless.webp"), ErrDamaged, "truncated WebP"},
		{"cut BMP", cut("rgb.bmp"), ErrDamaged, "truncated BMP"},
		{"cut TIFF", cut("rgb.tif"), ErrDamaged, "truncated TIFF"},
		{"PNG magic only", []byte("\x89PNG\r\n\x1a\n"), ErrDamaged, "truncated PNG"},
		{"JPEG magic only", []byte("\xff\xd8\xff"), ErrDamaged, "truncated JPEG"},
		{"animation", file("animated.webp"), ErrUnsupported, "animated WebP"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Read(bytes.NewReader(tt.data), int64(len(tt.data)), 0)
			if p != nil || !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.text) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, %q, want %q with %q", p, err, tt.is, tt.text)
			}
		})
	}
	if _, err := ReadFile("testdata/missing.png", 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := ReadFile("testdata", 0); !errors.Is(err, ErrNotPicture) || !strings.HasPrefix(err.Error(), "testdata: ") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := ReadFile("testdata/rgb.png", 29*18-1); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one pixel over the limit: %v", err)
	}
	if _, err := ReadFile("testdata/rgb.png", 29*18); err != nil {
		t.Errorf("just within the limit: %v", err)
	}
}

// pngSum is the CRC of a PNG chunk, given its kind and data.
func pngSum(b []byte) uint32 {
	sum := ^uint32(0)
	for _, v := range b {
		sum ^= uint32(v)
		for range 8 {
			sum = sum>>1 ^ 0xedb88320&-(sum&1)
		}
	}
	return ^sum
}
