package dataset_test

import (
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"autodeeplab/dataset"
)

// row is a label file of one row with these values.
func row(t testing.TB, values ...uint8) []byte {
	return labels(t, len(values), 1, func(x, y int) uint8 { return values[x] })
}

// tree writes files by their paths: photographs of the width that their labels have, or what is given.
func tree(t testing.TB, files map[string][]byte) string {
	dir := t.TempDir()
	for path, data := range files {
		write(t, filepath.Join(dir, filepath.FromSlash(path)), data)
	}
	return dir
}

// TestLayouts opens a small set of each layout and compares the labels that come out with those that the benchmarks'
// tables give.
func TestLayouts(t *testing.T) {
	pic := func(w int) []byte { return photo(t, w, 1, 1) }
	voc := func(extra map[string][]byte) map[string][]byte {
		files := map[string][]byte{
			"JPEGImages/2007_a.jpg": pic(3), "JPEGImages/2007_b.jpg": pic(3), "JPEGImages/2007_c.jpg": pic(3), "JPEGImages/unused.jpg": pic(3),
			"SegmentationClass/2007_a.png": row(t, 0, 20, 255), "SegmentationClass/2007_b.png": row(t, 1, 2, 3),
			"ImageSets/Segmentation/train.txt": []byte("2007_a\n"), "ImageSets/Segmentation/val.txt": []byte("2007_b\r\n\n"),
			"Annotations/2007_a.xml": nil,
		}
		for path, data := range extra {
			files[path] = data
		}
		return files
	}
	colours := image.NewRGBA(image.Rect(0, 0, 4, 1))
	for x, c := range []color.RGBA{{0, 0, 0, 255}, {128, 0, 0, 255}, {192, 128, 128, 255}, {224, 224, 192, 255}} {
		colours.SetRGBA(x, 0, c)
	}
	indexed := image.NewPaletted(image.Rect(0, 0, 3, 1), color.Palette{color.Black, color.White, color.RGBA{128, 0, 0, 255}})
	copy(indexed.Pix, []uint8{2, 0, 1})
	cityscapes := map[string][]byte{
		"leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png":              pic(8),
		"gtFine/train/aachen/aachen_000000_000019_gtFine_labelIds.png":               row(t, 7, 8, 11, 23, 26, 33, 0, 29),
		"gtFine/train/aachen/aachen_000000_000019_gtFine_color.png":                  pic(8),
		"gtFine/train/aachen/aachen_000000_000019_gtFine_instanceIds.png":            pic(8),
		"gtFine/train/aachen/aachen_000000_000019_gtFine_polygons.json":              nil,
		"leftImg8bit/train/bremen/bremen_000001_000019_leftImg8bit.png":              pic(3),
		"gtFine/train/bremen/bremen_000001_000019_gtFine_labelTrainIds.png":          row(t, 18, 0, 255),
		"gtFine/train/bremen/bremen_000001_000019_gtFine_labelIds.png":               row(t, 33, 7, 0),
		"leftImg8bit/val/ulm/ulm_000000_000019_leftImg8bit.png":                      pic(2),
		"gtFine/val/ulm/ulm_000000_000019_gtFine_labelIds.png":                       row(t, 24, 25),
		"leftImg8bit/train_extra/augsburg/augsburg_000000_000000_leftImg8bit.png":    pic(2),
		"gtCoarse/train_extra/augsburg/augsburg_000000_000000_gtCoarse_labelIds.png": row(t, 21, 0),
	}
	plain := map[string][]byte{
		"images/train/x.png": pic(3), "labels/train/x.png": encoded(t, colours.SubImage(image.Rect(0, 0, 3, 1))),
		"images/val/x.png": pic(2), "labels/val/x.png": row(t, 2, 255),
		"classes.json": []byte(`{"classes": ["a", "b", "c"], "palette": ["c08080", "800000", "010101"]}`),
	}
	for name, test := range map[string]struct {
		files      map[string][]byte
		layout     string // asked for
		want       string
		classes    int
		train, val string // names
		labels     [][]uint8
	}{
		"voc":         {voc(nil), "", "voc", 21, "2007_a", "2007_b", [][]uint8{{0, 20, 255}, {1, 2, 3}}},
		"voc indexed": {voc(map[string][]byte{"SegmentationClass/2007_a.png": encoded(t, indexed)}), "", "voc", 21, "2007_a", "2007_b", [][]uint8{{2, 0, 1}, {1, 2, 3}}},
		"voc in colours": {voc(map[string][]byte{"SegmentationClass/2007_a.png": encoded(t, colours), "JPEGImages/2007_a.jpg": pic(4)}), "", "voc", 21,
			"2007_a", "2007_b", [][]uint8{{0, 1, 15, 255}, {1, 2, 3}}},
		"voc-aug": {voc(map[string][]byte{
			"SegmentationClassAug/2007_a.png": row(t, 5, 5, 5), "SegmentationClassAug/2007_b.png": row(t, 7, 7, 255), "SegmentationClassAug/2007_c.png": row(t, 6, 6, 6),
			"ImageSets/Segmentation/trainaug.txt": []byte("/JPEGImages/2007_c.jpg /SegmentationClassAug/2007_c.png\n/JPEGImages/2007_a.jpg /SegmentationClassAug/2007_a.png\n"),
		}), "", "voc-aug", 21, "2007_a 2007_c", "2007_b", [][]uint8{{5, 5, 5}, {6, 6, 6}, {7, 7, 255}}},
		"cityscapes": {cityscapes, "", "cityscapes", 19, "aachen_000000_000019 bremen_000001_000019", "ulm_000000_000019",
			[][]uint8{{0, 1, 2, 10, 13, 18, 255, 255}, {18, 0, 255}, {11, 12}}},
		"cityscapes-coarse": {cityscapes, "cityscapes-coarse", "cityscapes-coarse", 19, "aachen_000000_000019 augsburg_000000_000000 bremen_000001_000019", "ulm_000000_000019",
			[][]uint8{{0, 1, 2, 10, 13, 18, 255, 255}, {8, 255}, {18, 0, 255}, {11, 12}}},
		"ade20k": {map[string][]byte{
			"images/training/ADE_train_1.jpg": pic(4), "annotations/training/ADE_train_1.png": row(t, 0, 1, 150, 255),
			"images/validation/ADE_val_1.jpg": pic(1), "annotations/validation/ADE_val_1.png": row(t, 13),
		}, "", "ade20k", 150, "ADE_train_1", "ADE_val_1", [][]uint8{{255, 0, 149, 255}, {12}}},
		"coco-stuff": {map[string][]byte{
			"images/train2017/000000000009.jpg": pic(5), "annotations/train2017/000000000009.png": row(t, 0, 10, 12, 181, 255),
			"images/train2017/000000000025.jpg": pic(2), "annotations/train2017/000000000025_labelTrainIds.png": row(t, 11, 170),
			"images/val2017/000000000139.jpg": pic(1), "annotations/val2017/000000000139.png": row(t, 91),
			"annotations/val2017/000000000139_labelTrainIds.png": row(t, 80),
		}, "", "coco-stuff", 171, "000000000009 000000000025", "000000000139", [][]uint8{{0, 10, 11, 170, 255}, {11, 170}, {80}}},
		"plain in colours": {plain, "", "plain", 3, "x", "x", [][]uint8{{255, 1, 0}, {2, 255}}},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := dataset.Open(tree(t, test.files), test.layout)
			if err != nil {
				t.Fatal(err)
			}
			if s.Layout != test.want || s.Classes.Len() != test.classes || names(s.Train) != test.train || names(s.Val) != test.val {
				t.Fatalf("layout %s, %d classes, %s and %s", s.Layout, s.Classes.Len(), names(s.Train), names(s.Val))
			}
			for i, sample := range append(s.Train, s.Val...) {
				p, err := s.Load(sample, 1)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(p.Labels, test.labels[i]) {
					t.Errorf("%s: %v, want %v", sample.Name, p.Labels, test.labels[i])
				}
			}
		})
	}
}

func names(list []dataset.Sample) string {
	var out []string
	for _, s := range list {
		out = append(out, s.Name)
	}
	return strings.Join(out, " ")
}

// TestLayoutMistakes holds that what is wrong with a layout's files is said where it is.
func TestLayoutMistakes(t *testing.T) {
	pic := photo(t, 2, 1, 1)
	ade := map[string][]byte{
		"images/training/a.jpg": pic, "annotations/training/a.png": row(t, 151, 1),
		"images/validation/b.jpg": pic, "annotations/validation/b.png": row(t, 1, 1),
	}
	city := func(name string, values ...uint8) map[string][]byte {
		return map[string][]byte{
			"leftImg8bit/train/a/x_leftImg8bit.png": pic, "gtFine/train/a/" + name: row(t, values...),
			"leftImg8bit/val/a/y_leftImg8bit.png": pic, "gtFine/val/a/y_gtFine_labelIds.png": row(t, 1, 1),
		}
	}
	voc := func(list string) map[string][]byte {
		return map[string][]byte{
			"JPEGImages/a.jpg": pic, "JPEGImages/b.jpg": pic, "SegmentationClass/a.png": row(t, 1, 1),
			"ImageSets/Segmentation/train.txt": []byte(list), "ImageSets/Segmentation/val.txt": []byte("a\n"),
		}
	}
	red := image.NewRGBA(image.Rect(0, 0, 2, 1))
	copy(red.Pix, []uint8{0, 0, 0, 255, 255, 0, 0, 255})
	grey := image.NewRGBA(image.Rect(0, 0, 2, 1))
	copy(grey.Pix, []uint8{3, 3, 3, 255, 4, 4, 4, 255})
	with := func(files map[string][]byte, path string, data []byte) map[string][]byte {
		files[path] = data
		return files
	}
	for name, test := range map[string]struct {
		files  map[string][]byte
		layout string
		want   string
	}{
		"ade strange":        {ade, "", "training/a.png: label 151 at column 0, row 0, want 1 to 150, or 0 where no class is meant"},
		"cityscapes strange": {city("x_gtFine_labelIds.png", 7, 34), "", "x_gtFine_labelIds.png: label 34 at column 1, row 0, want Cityscapes' labelIds, 0 to 33"},
		"cityscapes train":   {city("x_gtFine_labelTrainIds.png", 7, 19), "", "label 19 at column 1, row 0, want 0 to 18, or 255"},
		"cityscapes none":    {city("x_gtFine_color.png", 1, 1), "", "gtFine/train/a/…_gtFine_labelIds.png"},
		"cityscapes deep":    {city("z_gtFine_labelIds.png", 1, 1), "", "x_leftImg8bit.png: it has no labels of the same name"},
		"coco strange": {map[string][]byte{
			"images/train2017/a.jpg": pic, "annotations/train2017/a.png": row(t, 0, 11),
			"images/val2017/b.jpg": pic, "annotations/val2017/b.png": row(t, 0, 0),
		}, "", "label 11 at column 1, row 0, want COCO-Stuff's ids less 1"},
		"voc no labels": {voc("a\nb\n"), "", "train.txt, line 2: b has no labels ("},
		"voc no image":  {voc("c\n"), "", "train.txt, line 1: c has no image ("},
		"voc twice":     {voc("a\na\n"), "", "train.txt, line 2: a is in line 1 already"},
		"voc words":     {voc("a 1 -1\n"), "", `train.txt: line 1: "a 1 -1", want a name, or the paths`},
		"voc colour":    {with(voc("a\n"), "SegmentationClass/a.png", encoded(t, red)), "", "#ff0000 at column 1, row 0 is no class's"},
		"ade colours":   {with(map[string][]byte{"images/training/a.jpg": pic, "images/validation/b.jpg": pic, "annotations/validation/b.png": row(t, 1, 1)}, "annotations/training/a.png", encoded(t, red)), "", "a.png: pixels in colours, want 8-bit grey"},
		"ade grey":      {with(map[string][]byte{"images/training/a.jpg": pic, "images/validation/b.jpg": pic, "annotations/validation/b.png": row(t, 1, 1)}, "annotations/training/a.png", encoded(t, grey)), "", "a grey map that was saved with three equal channels"},
		"folder above":  {map[string][]byte{"VOCdevkit/VOC2012/JPEGImages/a.jpg": pic, "VOCdevkit/VOC2012/SegmentationClass/a.png": pic, "VOCdevkit/VOC2012/ImageSets/Segmentation/train.txt": nil, "VOCdevkit/VOC2012/ImageSets/Segmentation/val.txt": nil}, "", "but voc fits"},
		"nearest":       {map[string][]byte{"leftImg8bit/train/a/x.png": pic, "leftImg8bit/val/a/x.png": pic, "gtFine/val/a/x.png": pic}, "", "the nearest is cityscapes, but a folder gtFine/train is missing"},
		"named":         {map[string][]byte{"x": nil}, "voc-tfrecord", "layout voc-tfrecord has files train-00000-of-…, which is missing"},
		"records alike": {map[string][]byte{"train-00000-of-00001": nil, "val-00000-of-00001": nil}, "", "it fits voc-tfrecord and ade20k-tfrecord alike: say which (--layout)"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := dataset.Open(tree(t, test.files), test.layout)
			for i := 0; err == nil && i < len(s.Train); i++ {
				_, err = s.Load(s.Train[i], 1)
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

// recordSet copies the shards that TensorFlow wrote (testdata/records.py) into a folder.
func recordSet(t testing.TB, rename func(string) string) string {
	files := make(map[string][]byte)
	shards, err := filepath.Glob("testdata/*.tfrecord")
	if err != nil || len(shards) != 3 {
		t.Fatal(shards, err)
	}
	for _, path := range shards {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[rename(filepath.Base(path))] = data
	}
	return tree(t, files)
}

func same(name string) string { return name }

// TestRecords reads what TensorFlow wrote.
func TestRecords(t *testing.T) {
	for layout, rename := range map[string]func(string) string{
		"voc-tfrecord":        func(name string) string { return strings.TrimSuffix(name, ".tfrecord") },
		"ade20k-tfrecord":     same,
		"cityscapes-tfrecord": func(name string) string { return strings.Replace(name, "-", "_fine-", 1) },
		"voc-aug-tfrecord":    func(name string) string { return strings.Replace(name, "train-", "train_aug-", 1) },
		"tfrecord":            same,
	} {
		t.Run(layout, func(t *testing.T) {
			dir := recordSet(t, rename)
			write(t, filepath.Join(dir, "classes.json"), []byte(`{"classes": ["a", "b", "c", "d"]}`))
			s, err := dataset.Open(dir, layout)
			if err != nil {
				t.Fatal(err)
			}
			if len(s.Train) != 3 || len(s.Val) != 1 || !strings.HasSuffix(names(s.Train), "-00000-00001 "+strings.Split(s.Train[2].Name, "-")[0]+"-00001-00000") {
				t.Fatalf("%s; %s", names(s.Train), names(s.Val))
			}
			for n, sample := range append(s.Train, s.Val...) {
				p, err := s.Load(sample, 1)
				if err != nil {
					t.Fatal(err)
				}
				split, i := n/3, n%3
				for y := range 6 {
					for x := range 7 {
						for c := range 3 {
							if got, want := p.RGB[3*(7*y+x)+c], uint8(40*y+25*x+60*c+30*i+90*split); got != want {
								t.Fatalf("%s: row %d, column %d, channel %d is %d, want %d", sample.Name, y, x, c, got, want)
							}
						}
						want := uint8((y + x + i) % 4)
						if layout == "ade20k-tfrecord" {
							want-- // and 0 becomes 255
						}
						if x == y {
							want = dataset.Ignore
						}
						if got := p.Labels[7*y+x]; got != want {
							t.Fatalf("%s: row %d, column %d has label %d, want %d", sample.Name, y, x, got, want)
						}
					}
				}
			}
			if half, err := s.Load(s.Train[0], 0.5); err != nil || half.Height != 3 {
				t.Errorf("scaled: %v", err)
			}
		})
	}
	// Found by itself where classes.json or the names tell.
	dir := recordSet(t, func(name string) string { return strings.Replace(name, "-", "_fine-", 1) })
	if s, err := dataset.Open(dir, ""); err != nil || s.Layout != "cityscapes-tfrecord" {
		t.Errorf("%v", err)
	}
	s := newTrainSampler(t, dir, dataset.TrainOptions{Height: 12, Width: 14})
	a, b := crops(t, s, 0, 0, 2), crops(t, s, 1, 0, 2)
	if a.equal(b) {
		t.Error("the sampler gives one batch of records twice")
	}
}

// TestBadRecords spoils single bytes of a shard, and shards as a whole.
func TestBadRecords(t *testing.T) {
	shard := "train-00000-of-00002.tfrecord"
	for name, test := range map[string]struct {
		spoil func(t *testing.T, dir string, data []byte)
		want  []string
	}{
		"length":   {func(t *testing.T, dir string, data []byte) { data[0]++; write(t, filepath.Join(dir, shard), data) }, []string{shard, "record 0, at byte 0: the checksum of its length is wrong"}},
		"contents": {func(t *testing.T, dir string, data []byte) { data[40]++; write(t, filepath.Join(dir, shard), data) }, []string{shard, "(train-00000-00000)", "record at byte 12: its checksum is wrong"}},
		"cut":      {func(t *testing.T, dir string, data []byte) { write(t, filepath.Join(dir, shard), data[:len(data)-1]) }, []string{shard, "the file ends in record 1: it has 436 bytes of 437"}},
		"cut in head": {func(t *testing.T, dir string, data []byte) {
			write(t, filepath.Join(dir, shard), append(data, 1, 2, 3))
		}, []string{shard, "ends in the head of record 2, at byte 898"}},
		"gap": {func(t *testing.T, dir string, data []byte) { os.Remove(filepath.Join(dir, shard)) }, []string{"train-…: shard 00000 of 00002 is missing"}},
		"last": {func(t *testing.T, dir string, data []byte) {
			os.Remove(filepath.Join(dir, "train-00001-of-00002.tfrecord"))
		}, []string{"train-…: 1 shards of 00002: the last ones are missing"}},
		"two sets": {func(t *testing.T, dir string, data []byte) {
			write(t, filepath.Join(dir, "train-00000-of-00001.tfrecord"), data)
		}, []string{"shards of two sets, -of-00001 and -of-00002"}},
		"gzip": {func(t *testing.T, dir string, data []byte) {
			write(t, filepath.Join(dir, shard), append([]byte("\x1f\x8b\x08"), data...))
		}, []string{"compressed ones are not read"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := recordSet(t, same)
			data, err := os.ReadFile(filepath.Join(dir, shard))
			if err != nil {
				t.Fatal(err)
			}
			test.spoil(t, dir, data)
			s, err := dataset.Open(dir, "voc-tfrecord")
			for i := 0; err == nil && i < len(s.Train); i++ {
				_, err = s.Load(s.Train[i], 1)
			}
			for _, want := range test.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %q", err, want)
				}
			}
		})
	}
}

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "set")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	os.WriteFile(filepath.Join(dir, "val-00000-of-00001.tfrecord"), nil, 0o666)
	_, err = dataset.Open(dir, "tfrecord")
	fmt.Println(strings.TrimPrefix(err.Error(), dir))
	// Output: : layout tfrecord has files train-00000-of-…, which is missing
}
