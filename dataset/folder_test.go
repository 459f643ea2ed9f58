package dataset_test

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"autodeeplab/dataset"
)

// write makes a file and the folders above it.
func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

func encoded(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func photo(t testing.TB, w, h int, seed uint64) []byte {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range m.Pix {
		m.Pix[i] = uint8(r.IntN(256)) | 255*uint8(i&3/3)
	}
	return encoded(t, m)
}

func labels(t testing.TB, w, h int, at func(x, y int) uint8) []byte {
	m := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetGray(x, y, color.Gray{Y: at(x, y)})
		}
	}
	return encoded(t, m)
}

// camvid makes a small set of CamVid's layout.
func camvid(t testing.TB, train, val int) string {
	dir := t.TempDir()
	for split, n := range map[string]int{"train": train, "val": val} {
		for i := range n {
			name := string(rune('a'+i)) + ".png"
			write(t, filepath.Join(dir, split, name), photo(t, 20, 16, uint64(i)))
			write(t, filepath.Join(dir, split+"annot", name), labels(t, 20, 16, func(x, y int) uint8 { return uint8((x + y + i) % 12) }))
		}
	}
	return dir
}

func TestOpenLayouts(t *testing.T) {
	dir := camvid(t, 3, 2)
	for _, layout := range []string{"", "camvid"} {
		s, err := dataset.Open(dir, layout)
		if err != nil {
			t.Fatal(err)
		}
		if s.Layout != "camvid" || s.Classes.Len() != 11 || len(s.Train) != 3 || len(s.Val) != 2 || s.Train[2].Name != "c" {
			t.Errorf("%+v", s)
		}
	}

	plain := t.TempDir()
	for _, split := range []string{"train", "val"} {
		write(t, filepath.Join(plain, "images", split, "x.PNG"), photo(t, 4, 4, 1))
		write(t, filepath.Join(plain, "labels", split, "x.png"), labels(t, 4, 4, func(x, y int) uint8 { return uint8(x % 2) }))
	}
	write(t, filepath.Join(plain, "classes.json"), []byte(`{"classes": ["a", "b"], "palette": ["#010203", "ffffff"], "ignore": 9}`))
	s, err := dataset.Open(plain, "")
	if err != nil {
		t.Fatal(err)
	}
	if s.Layout != "plain" || !slices.Equal(s.Classes.ClassNames, []string{"a", "b"}) || s.Classes.Palette[0] != (color.RGBA{1, 2, 3, 255}) || s.Classes.IgnoreLabel != 9 || len(s.Train) != 1 {
		t.Errorf("%+v", s)
	}
}

// TestBadSets holds that each mistake of a folder is one line that names the file.
func TestBadSets(t *testing.T) {
	sixteen := func(t *testing.T) []byte { return encoded(t, image.NewGray16(image.Rect(0, 0, 20, 16))) }
	for _, test := range []struct {
		name  string
		spoil func(t *testing.T, dir string)
		want  []string
	}{
		{"labels missing", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, "trainannot", "b.png")) }, []string{"b.png", "it has no labels of the same name"}},
		{"several labels missing", func(t *testing.T, dir string) {
			os.Remove(filepath.Join(dir, "trainannot", "a.png"))
			os.Remove(filepath.Join(dir, "trainannot", "c.png"))
		}, []string{"a.png", "nor have 1 more"}},
		{"image missing", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, "val", "a.png")) }, []string{"valannot", "a.png", "it has no image of the same name"}},
		{"empty split", func(t *testing.T, dir string) {
			os.RemoveAll(filepath.Join(dir, "val"))
			os.RemoveAll(filepath.Join(dir, "valannot"))
			os.Mkdir(filepath.Join(dir, "val"), 0o777)
			os.Mkdir(filepath.Join(dir, "valannot"), 0o777)
		}, []string{"val: no images"}},
		{"label out of range", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "trainannot", "b.png"), labels(t, 20, 16, func(x, y int) uint8 {
				if x == 7 && y == 3 {
					return 12
				}
				return 0
			}))
		}, []string{"b.png", "label 12 at column 7, row 3, want 0 to 10, or 11"}},
		{"sizes differ", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "trainannot", "b.png"), labels(t, 20, 15, func(x, y int) uint8 { return 0 }))
		}, []string{"b.png", "20×15", "20×16"}},
		{"no picture", func(t *testing.T, dir string) { write(t, filepath.Join(dir, "train", "b.png"), []byte("hello")) }, []string{"b.png", "not a picture"}},
		{"labels are a JPEG", func(t *testing.T, dir string) {
			var b bytes.Buffer
			jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 20, 16)), nil)
			write(t, filepath.Join(dir, "trainannot", "b.png"), b.Bytes())
		}, []string{"b.png", "labels must be a PNG"}},
		{"labels in colour", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "trainannot", "b.png"), photo(t, 20, 16, 1))
		}, []string{"b.png", "8-bit grey values or palette indices"}},
		{"labels of 16 bits", func(t *testing.T, dir string) { write(t, filepath.Join(dir, "trainannot", "b.png"), sixteen(t)) }, []string{"b.png", "8-bit grey values or palette indices"}},
		{"labels cut", func(t *testing.T, dir string) {
			whole := labels(t, 20, 16, func(x, y int) uint8 { return uint8(x % 11) })
			write(t, filepath.Join(dir, "trainannot", "b.png"), whole[:len(whole)-20])
		}, []string{"b.png", "damaged PNG"}},
		{"crop too large", func(t *testing.T, dir string) {}, []string{"a.png", "20×16 at scale 1, smaller than the crop of 17×17 (--crops, --scale)"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := camvid(t, 4, 2)
			test.spoil(t, dir)
			crop := 16
			if test.name == "crop too large" {
				crop = 17
			}
			set, err := dataset.Open(dir, "")
			if err == nil {
				_, err = dataset.NewSampler(set, dataset.SamplerOptions{Scale: 1, Halve: true, LargestCrop: crop, Threads: 2})
			}
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q, want it to say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error of several lines: %q", err)
			}
		})
	}
}

func TestOpenErrors(t *testing.T) {
	empty := t.TempDir()
	for _, test := range []struct{ dir, layout, want string }{
		{filepath.Join(empty, "none"), "", "no such file"},
		{empty, "", "none of the layouts fits this folder (camvid, cityscapes-coarse,"},
		{empty, "camvid", "layout camvid has a folder train, which is missing"},
		{empty, "kitti", `layout "kitti", want one of camvid, cityscapes-coarse`},
	} {
		if _, err := dataset.Open(test.dir, test.layout); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Open(%q, %q): %v, want %q", test.dir, test.layout, err, test.want)
		}
	}
	for json, want := range map[string]string{
		`{`:                                    "classes.json: unexpected EOF",
		`{"classes": ["a"]}`:                   "1 classes, want 2 to 255",
		`{"classes": ["a", "b"], "ignore": 1}`: `label 1 is to be ignored, but is class "b" too`,
		`{"classes": ["a", "b"], "palette": ["000000"]}`:        "1 colours for 2 classes",
		`{"classes": ["a", "b"], "palette": ["00000", "ffff"]}`: `colour "00000", want six hexadecimal digits`,
		`{"classes": ["a", "b"], "colours": []}`:                `unknown field "colours"`,
	} {
		dir := t.TempDir()
		for _, folder := range []string{"images/train", "images/val", "labels/train", "labels/val"} {
			os.MkdirAll(filepath.Join(dir, folder), 0o777)
		}
		write(t, filepath.Join(dir, "classes.json"), []byte(json))
		if _, err := dataset.Open(dir, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", json, err, want)
		}
	}
}
