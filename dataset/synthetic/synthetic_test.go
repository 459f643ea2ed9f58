package synthetic

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"autodeeplab/dataset"
)

func TestRenderIsAFunction(t *testing.T) {
	a, labels := Render(3, 7, 48, 64)
	b, again := Render(3, 7, 48, 64)
	if !bytes.Equal(a.Pix, b.Pix) || !bytes.Equal(labels, again) {
		t.Error("the same picture differs")
	}
	for _, other := range []struct {
		seed  uint64
		index int
	}{{3, 8}, {4, 7}} {
		if c, _ := Render(other.seed, other.index, 48, 64); bytes.Equal(a.Pix, c.Pix) {
			t.Errorf("%+v is the same picture", other)
		}
	}
	for _, side := range [][2]int{{MinSide, MinSide}, {16, 200}, {200, 16}, {33, 47}} {
		m, labels := Render(1, 2, side[0], side[1])
		if m.Rect.Dy() != side[0] || m.Rect.Dx() != side[1] || len(labels) != side[0]*side[1] {
			t.Errorf("%v: %v, %d labels", side, m.Rect, len(labels))
		}
	}
}

// TestLabelsAreExact compares what paint labels with the shapes' areas: a disc's, a rounded rectangle's and a triangle's.
// The mixed border must take the shape's colour for as much area as the labels do.
func TestLabelsAreExact(t *testing.T) {
	const size = 400
	for name, test := range map[string]struct {
		shape shape
		area  float64
	}{
		"disc":     {ellipse(0.5, 0.5, 0.3, 0.3), math.Pi * 0.09},
		"slab":     {slab(box{0.2, 0.3, 0.7, 0.8}, 0.1), 0.25 - (4-math.Pi)*0.01},
		"triangle": {polygon([2]float64{0.1, 0.9}, [2]float64{0.5, 0.1}, [2]float64{0.9, 0.9}), 0.32},
		"two":      {union(slab(box{0.1, 0.1, 0.3, 0.3}, 0), slab(box{0.2, 0.2, 0.4, 0.4}, 0)), 0.07},
	} {
		c := newCanvas(size, size)
		c.paint(1, box{0, 0, 1, 1}, test.shape, func(x, y float64) colour { return colour{1, 1, 1} })
		labelled, painted := 0, 0.0
		for i, v := range c.labels {
			labelled += int(v)
			painted += c.pix[i][0]
			if (c.pix[i][0] > 0.5) != (v == 1) {
				t.Fatalf("%s: pixel %d has label %d but %g of the colour", name, i, v, c.pix[i][0])
			}
		}
		for what, n := range map[string]float64{"labelled": float64(labelled), "painted": painted} {
			if got := n / size / size; math.Abs(got-test.area) > 2e-3 {
				t.Errorf("%s: %s area %.4f, want %.4f", name, what, got, test.area)
			}
		}
	}
}

// TestColourIsNotEnough holds what the set is for: every class comes up, and whoever goes by a pixel's colour alone, with
// the best table there is, gets less than half of it.
func TestColourIsNotEnough(t *testing.T) {
	const height, width, images, levels = 64, 80, 60, 8
	var votes [levels * levels * levels][9]int
	var counts [9]int
	var confusion [9][9]int
	for i := range images {
		m, labels := Render(11, i, height, width)
		for at, label := range labels {
			p := m.Pix[4*at:]
			cell := (int(p[0])*levels/256*levels+int(p[1])*levels/256)*levels + int(p[2])*levels/256
			if i < images*3/4 {
				votes[cell][label]++
				continue
			}
			best := 0
			for class, n := range votes[cell] {
				if n > votes[cell][best] {
					best = class
				}
			}
			confusion[label][best]++
			counts[label]++
		}
	}
	miou := 0.0
	for class := range confusion {
		if share := float64(counts[class]) / (height * width * images / 4); share < 0.001 {
			t.Errorf("%s has a share of %.4f", classes[class].name, share)
		}
		predicted := 0
		for truth := range confusion {
			predicted += confusion[truth][class]
		}
		miou += float64(confusion[class][class]) / float64(counts[class]+predicted-confusion[class][class]) / 9
	}
	t.Logf("a table of colours has an mIoU of %.3f", miou)
	if miou > 0.4 {
		t.Errorf("a table of colours has an mIoU of %.3f, want at most 0.4", miou)
	}
}

func TestWrite(t *testing.T) {
	o := Options{Train: 3, Val: 2, Height: 24, Width: 32, Seed: 9}
	var dirs []string
	for _, workers := range []int{1, 4} {
		dir := filepath.Join(t.TempDir(), "set")
		dirs = append(dirs, dir)
		o := o
		o.Workers = workers
		calls := 0
		if workers == 1 {
			o.Progress = func(done, all int) {
				if calls++; done != calls || all != 5 {
					t.Errorf("progress %d of %d in call %d", done, all, calls)
				}
			}
		}
		if err := Write(context.Background(), dir, o); err != nil {
			t.Fatal(err)
		}
		if workers == 1 && calls != 5 {
			t.Errorf("%d calls of Progress", calls)
		}
	}
	set, err := dataset.Open(dirs[0], "")
	if err != nil {
		t.Fatal(err)
	}
	if set.Layout != "plain" || len(set.Train) != 3 || len(set.Val) != 2 || strings.Join(set.Classes.ClassNames, " ") != "sky mountain meadow water road house tree car balloon" {
		t.Errorf("%+v", set)
	}
	for i, sample := range append(set.Train, set.Val...) {
		p, err := set.Load(sample, 1)
		if err != nil {
			t.Fatal(err)
		}
		picture, labels := Render(9, i, 24, 32)
		if !bytes.Equal(p.Labels, labels) {
			t.Errorf("%s: its labels are not the painted ones", sample.Label)
		}
		off := 0.0
		for at := range labels {
			for k := range 3 {
				off += math.Abs(float64(p.RGB[3*at+k]) - float64(picture.Pix[4*at+k]))
			}
		}
		if off /= float64(3 * len(labels)); off > 12 { // JPEG halves the resolution of colours
			t.Errorf("%s is another picture than was painted: it is off by %.1f on average", sample.Image, off)
		}
		for _, path := range []string{sample.Image, sample.Label} {
			other := filepath.Join(dirs[1], strings.TrimPrefix(path, dirs[0]))
			a, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if b, err := os.ReadFile(other); err != nil || !bytes.Equal(a, b) {
				t.Errorf("%s depends on the number of workers: %v", path, err)
			}
		}
	}

	// A set that lacks a file is completed, and nothing else is written.
	photo, label := set.Train[1].Image, set.Val[0].Label
	before, err := os.ReadFile(photo)
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(photo)
	os.Remove(filepath.Join(dirs[0], "classes.json"))
	if err := os.WriteFile(label, []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := Write(context.Background(), dirs[0], o); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(photo); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the picture painted again differs: %v", err)
	}
	if kept, _ := os.ReadFile(label); string(kept) != "mine" {
		t.Error("a file that was there is written again")
	}
}

func TestWriteErrors(t *testing.T) {
	good := Options{Train: 1, Val: 1, Height: 16, Width: 16}
	for want, change := range map[string]func(*Options){
		"0 images to train on and 1":                      func(o *Options) { o.Train = 0 },
		"1 images to train on and 0":                      func(o *Options) { o.Val = 0 },
		"images of 15×16 (height × width), want sides of": func(o *Options) { o.Height = 15 },
		"images of 16×8193":                               func(o *Options) { o.Width = 8193 },
	} {
		o := good
		change(&o)
		if err := Write(context.Background(), t.TempDir(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	dir := t.TempDir()
	if err := Write(stopped, dir, good); err != context.Canceled {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := dataset.Open(dir, ""); err == nil {
		t.Error("what was interrupted opens as a set")
	}
	if err := Write(context.Background(), dir, good); err != nil {
		t.Errorf("taken up again: %v", err)
	}
	other := good
	other.Seed = 2
	if err := Write(context.Background(), dir, other); err == nil || !strings.Contains(err.Error(), `another synthetic set is there ({"version":1,`) {
		t.Errorf("another set: %v", err)
	}
	foreign := t.TempDir()
	os.Mkdir(filepath.Join(foreign, "labels"), 0o777)
	if err := Write(context.Background(), foreign, good); err == nil || !strings.Contains(err.Error(), "there is a labels already") {
		t.Errorf("somebody's folder: %v", err)
	}
}

func BenchmarkRender(b *testing.B) {
	i := 0
	for b.Loop() {
		Render(1, i, 128, 160)
		i++
	}
}
