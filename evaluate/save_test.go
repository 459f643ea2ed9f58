package evaluate_test

import (
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"autodeeplab/dataset"
	"autodeeplab/evaluate"
	"autodeeplab/internal/imageio"
)

// TestFormats writes a mask in every format. The label ids are those that cityscapesScripts gives road, rider and bicycle
// in its table; VOC's palette has the aeroplane in dark red.
func TestFormats(t *testing.T) {
	for _, test := range []struct {
		classes, format string
		sample, file    string
		labels, want    []uint8
		palette         []uint32 // of the values, 0xrrggbb; nil: grey
	}{
		{"cityscapes", "", "frankfurt/frankfurt_000000_000294_leftImg8bit", "frankfurt_000000_000294_pred.png", []uint8{0, 12, 18}, []uint8{7, 25, 33}, nil},
		{"voc", "", "2007_000033", "2007_000033.png", []uint8{0, 1, 20}, []uint8{0, 1, 20}, []uint32{0x000000, 0x800000, 0x004080}},
		{"voc", "index", "2007_000033", "2007_000033.png", []uint8{0, 1, 20}, []uint8{0, 1, 20}, []uint32{0x000000, 0x800000, 0x004080}},
		{"camvid", "", "x", "x.png", []uint8{0, 1, 10}, []uint8{0, 1, 10}, []uint32{0x808080, 0x800000, 0x0080c0}},
	} {
		classes, err := dataset.ByName(test.classes)
		if err != nil {
			t.Fatal(err)
		}
		f, err := evaluate.FormatFor(test.format, classes)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		paths, err := f.Paths(dir, []dataset.Sample{{Name: test.sample}})
		if err != nil {
			t.Fatal(err)
		}
		path := paths[test.sample]
		if path != filepath.Join(dir, test.file) {
			t.Errorf("%s: %s, want %s", test.classes, path, test.file)
		}
		if err := f.Write(path, &imageio.Mask{Width: 3, Height: 1, Labels: test.labels}, classes); err != nil {
			t.Fatal(err)
		}
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		m, err := png.Decode(file)
		file.Close()
		if err != nil {
			t.Fatal(err)
		}
		switch m := m.(type) {
		case *image.Gray:
			if test.palette != nil || !slices.Equal(m.Pix, test.want) {
				t.Errorf("%s: grey %v, want %v", test.classes, m.Pix, test.want)
			}
		case *image.Paletted:
			if test.palette == nil || !slices.Equal(m.Pix, test.want) {
				t.Errorf("%s: palette, %v, want %v", test.classes, m.Pix, test.want)
			}
			for i, v := range test.want[:len(test.palette)] {
				r, g, b, _ := m.Palette[v].RGBA()
				if rgb := r>>8<<16 | g>>8<<8 | b>>8; rgb != test.palette[i] {
					t.Errorf("%s: %d is %06x, want %06x", test.classes, v, rgb, test.palette[i])
				}
			}
		default:
			t.Errorf("%s: %T", test.classes, m)
		}
	}
}

func TestFormatErrors(t *testing.T) {
	camvid, err := dataset.ByName("camvid")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"cityscapes": "for the classes of cityscapes", "pascal": `unknown format "pascal", want cityscapes, voc, index`} {
		if _, err := evaluate.FormatFor(name, camvid); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	index, err := evaluate.FormatFor("index", camvid)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := index.Paths("out", []dataset.Sample{{Name: "a/x", Image: "a/x.jpg"}, {Name: "b/x", Image: "b/x.jpg"}}); err == nil || !strings.Contains(err.Error(), "a/x.jpg and b/x.jpg would both write x.png") {
		t.Errorf("%v", err)
	}
	city, err := dataset.ByName("cityscapes")
	if err != nil {
		t.Fatal(err)
	}
	f, err := evaluate.FormatFor("", city)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.png")
	if err := f.Write(path, &imageio.Mask{Width: 1, Height: 1, Labels: []uint8{19}}, city); err == nil || !strings.Contains(err.Error(), "class 19, want less than 19") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a file was written")
	}
}
