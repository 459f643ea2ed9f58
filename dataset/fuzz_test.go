package dataset

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"autodeeplab/internal/crc32c"
	"autodeeplab/internal/imageio"
)

// What FuzzFiles takes its bytes for.
const (
	fuzzPicture = iota
	fuzzLabels
	fuzzShard
	fuzzRecord // of a shard: framed here, since no fuzzer guesses checksums
	fuzzClasses
	fuzzKinds
)

// FuzzFiles feeds any bytes to the readers of what a data set is made of. None panics or makes more of a file than there
// is, and whatever is accepted has the size that it says.
func FuzzFiles(f *testing.F) {
	pictures, err := filepath.Glob("../internal/imageio/testdata/*.*")
	if err != nil || len(pictures) < 20 {
		f.Fatal(pictures, err)
	}
	for _, name := range pictures {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		if len(data) < 4096 {
			f.Add(byte(fuzzPicture), data)
		}
	}
	grey := image.NewGray(image.Rect(0, 0, 3, 2))
	paletted := image.NewPaletted(image.Rect(0, 0, 5, 3), color.Palette{color.Black, color.White})
	for _, m := range []image.Image{grey, paletted, image.NewRGBA(grey.Rect), image.NewGray16(grey.Rect)} {
		var b bytes.Buffer
		if err := png.Encode(&b, m); err != nil {
			f.Fatal(err)
		}
		f.Add(byte(fuzzLabels), b.Bytes())
	}
	f.Add(byte(fuzzLabels), []byte("\x89PNG\r\n\x1a\n"))
	shard, err := os.ReadFile("testdata/train-00000-of-00002.tfrecord")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(byte(fuzzShard), shard)
	f.Add(byte(fuzzShard), shard[:100])
	for _, s := range []string{"\n\x05\n\x03\n\x01x", "\n\x0f\n\x0d\n\x01x\x12\x08\n\x06\n\x01a\n\x01b", "\x08\x01\x0d\x01\x02\x03\x04"} {
		f.Add(byte(fuzzRecord), []byte(s))
	}
	f.Add(byte(fuzzClasses), []byte(`{"classes": ["a", "b"], "palette": ["#010203", "ffffff"], "ignore": 9}`))
	f.Fuzz(func(t *testing.T, kind byte, data []byte) {
		switch kind % fuzzKinds {
		case fuzzPicture:
			p, err := imageio.Read(bytes.NewReader(data), int64(len(data)), 1<<16)
			if err != nil {
				return
			}
			if n := p.Width() * p.Height(); n < 1 || n > 1<<16 || len(p.RGBA.Pix) != 4*n {
				t.Errorf("%d×%d with %d bytes", p.Width(), p.Height(), len(p.RGBA.Pix))
			}
		case fuzzLabels:
			holdLabels(t, data)
		case fuzzShard:
			holdShard(t, data)
		case fuzzRecord:
			holdRecord(t, data)
		case fuzzClasses:
			if c, err := parseClasses(bytes.NewReader(data)); err == nil && (c.Len() < 2 || len(c.Palette) != c.Len()) {
				t.Errorf("%d classes with %d colours", c.Len(), len(c.Palette))
			}
		}
	})
}

func holdLabels(t *testing.T, data []byte) {
	if config, err := png.DecodeConfig(bytes.NewReader(data)); err == nil && config.Width > 1<<16/config.Height {
		return // as slow as it says
	}
	c := Classes{ClassNames: []string{"a", "b", "c"}, IgnoreLabel: 9}
	labels, h, w, err := c.ParseLabels(data)
	if err != nil {
		return
	}
	if len(labels) != h*w {
		t.Fatalf("%d labels for %d×%d", len(labels), w, h)
	}
	for _, v := range labels {
		if v >= 3 && v != Ignore {
			t.Fatalf("label %d", v)
		}
	}
}

func holdShard(t *testing.T, data []byte) {
	list, err := listRecords(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return
	}
	end := int64(0)
	for _, s := range list {
		if s.at != end+12 || s.length < 0 {
			t.Fatalf("%v", list)
		}
		end = s.at + s.length + 4
		if body, err := readRecord(bytes.NewReader(data), s); err == nil {
			pictureAndLabels(body)
		}
	}
	if end != int64(len(data)) {
		t.Fatalf("the records end at %d of %d", end, len(data))
	}
}

func holdRecord(t *testing.T, data []byte) {
	head := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	file := binary.LittleEndian.AppendUint32(head, crc32c.Masked(head))
	file = binary.LittleEndian.AppendUint32(append(file, data...), crc32c.Masked(data))
	list, err := listRecords(bytes.NewReader(file), int64(len(file)))
	if err != nil || len(list) != 1 {
		t.Fatalf("%v %v", list, err)
	}
	body, err := readRecord(bytes.NewReader(file), list[0])
	if err != nil || !bytes.Equal(body, data) {
		t.Fatalf("%d bytes: %v", len(body), err)
	}
	if image, labels, err := pictureAndLabels(body); err == nil && (len(image) == 0 || len(labels) == 0 || len(image)+len(labels) > len(data)) {
		t.Fatalf("%d and %d bytes of %d", len(image), len(labels), len(data))
	}
}
