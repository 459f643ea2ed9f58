package imageio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestWriteMask(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mask.png")
	m := &Mask{Width: 3, Height: 2, Labels: []uint8{0, 1, 2, 255, 1, 0}}
	if err := WriteMask(path, m, []color.RGBA{{10, 20, 30, 0}, {1, 2, 3, 255}}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	i := bytes.Index(data, []byte("PLTE"))
	if i < 0 || binary.BigEndian.Uint32(data[i-4:]) != 256*3 || !bytes.Equal(data[i+4:i+13], []byte{10, 20, 30, 1, 2, 3, 0, 0, 0}) {
		t.Errorf("the palette is not 256 entries that begin with the given ones")
	}
	if bytes.Contains(data, []byte("tRNS")) {
		t.Error("the mask has transparency")
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	p, ok := img.(*image.Paletted)
	if !ok || !bytes.Equal(p.Pix, m.Labels) || p.Rect.Dx() != 3 || p.Rect.Dy() != 2 {
		t.Errorf("%T %v, want the labels as indices", img, img)
	}
}

func TestWriteOverlay(t *testing.T) {
	dir := t.TempDir()
	p := &Picture{RGBA: image.NewRGBA(image.Rect(0, 0, 2, 1))}
	p.RGBA.SetRGBA(0, 0, color.RGBA{100, 0, 200, 255})
	p.RGBA.SetRGBA(1, 0, color.RGBA{50, 60, 70, 255})
	m := &Mask{Width: 2, Height: 1, Labels: []uint8{0, 9}}
	palette := []color.RGBA{{200, 100, 0, 255}}
	for alpha, want := range map[float64][2]color.RGBA{
		0:   {{100, 0, 200, 255}, {50, 60, 70, 255}},
		0.5: {{150, 50, 100, 255}, {25, 30, 35, 255}},
		1:   {{200, 100, 0, 255}, {0, 0, 0, 255}},
	} {
		path := filepath.Join(dir, "overlay.png")
		if err := WriteOverlay(path, p, m, palette, alpha); err != nil {
			t.Fatal(err)
		}
		got, err := ReadFile(path, 0)
		if err != nil {
			t.Fatal(err)
		}
		if a, b := got.RGBA.RGBAAt(0, 0), got.RGBA.RGBAAt(1, 0); a != want[0] || b != want[1] {
			t.Errorf("alpha %g: %v %v, want %v", alpha, a, b, want)
		}
	}
	if err := WriteOverlay(filepath.Join(dir, "x.png"), p, &Mask{Width: 1, Height: 1, Labels: []uint8{0}}, palette, 0.5); err == nil {
		t.Error("a mask of another size is taken")
	}
	if err := WriteMask(filepath.Join(dir, "no", "x.png"), m, palette); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing folder: %v", err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("the folder holds %v, want overlay.png alone", files)
	}
}
