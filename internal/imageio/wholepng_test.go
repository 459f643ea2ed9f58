package imageio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

// TestPNGBytes compares pngBytes with the lengths that the data of the test pictures have, and with those of sizes that leave
// passes empty.
func TestPNGBytes(t *testing.T) {
	for _, c := range []struct {
		w, h, bits int64
		interlaced bool
		want       int64
	}{
		{1, 1, 8, false, 2}, {1, 1, 8, true, 2}, {9, 2, 1, false, 6}, {5, 5, 24, false, 80},
		// 8×8: passes of 1×1, 1×1, 2×1, 2×2, 4×2, 4×4 and 8×4.
		{8, 8, 8, true, 2 + 2 + 3 + 6 + 10 + 20 + 36},
		// 4×4: 1×1, none, 1×... of the third pass none, 1×1 of the fourth, 2×1, 2×2 and 4×2.
		{4, 4, 8, true, 2 + 0 + 0 + 2 + 3 + 6 + 10},
	} {
		if got := pngBytes(c.w, c.h, c.bits, c.interlaced); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

// TestWholePNG holds that every whole picture passes, and that a large one is refused that lacks a row.
func TestWholePNG(t *testing.T) {
	names, err := filepath.Glob("testdata/*.png")
	if err != nil || len(names) < 5 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := WholePNG(bytes.NewReader(data), int64(len(data))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, m := range []image.Image{image.NewNRGBA64(image.Rect(0, 0, 2600, 2600)), image.NewGray(image.Rect(0, 0, 8000, 7000)), image.NewRGBA(image.Rect(0, 0, 4000, 4000))} {
		var b bytes.Buffer
		if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, m); err != nil {
			t.Fatal(err)
		}
		data := b.Bytes()
		if err := WholePNG(bytes.NewReader(data), int64(len(data))); err != nil {
			t.Errorf("%v: %v", m.Bounds(), err)
		}
		binary.BigEndian.PutUint32(data[20:], uint32(m.Bounds().Dy()+1)) // one row more than there is
		if err := WholePNG(bytes.NewReader(data), int64(len(data))); !errors.Is(err, ErrDamaged) {
			t.Errorf("%v and one row more: %v", m.Bounds(), err)
		}
		if err := WholePNG(bytes.NewReader(data[:len(data)/2]), int64(len(data)/2)); !errors.Is(err, ErrDamaged) {
			t.Errorf("half of %v: %v", m.Bounds(), err)
		}
	}
}
