package dataset

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"

	"autodeeplab/internal/crc32c"
)

// FuzzRecords feeds any bytes to the readers of shards and of what is in their records: no more is given than there is.
func FuzzRecords(f *testing.F) {
	shard, err := os.ReadFile("testdata/train-00000-of-00002.tfrecord")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(shard, true)
	f.Add(shard[:100], true)
	f.Add([]byte("\n\x05\n\x03\n\x01x"), false)
	f.Add([]byte("\n\x0f\n\x0d\n\x01x\x12\x08\n\x06\n\x01a\n\x01b"), false)
	f.Add([]byte{8, 1, 0x0d, 1, 2, 3, 4}, false)
	f.Fuzz(func(t *testing.T, data []byte, framed bool) {
		if !framed { // framed here, since no fuzzer guesses checksums
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
			return
		}
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
	})
}

// TestExampleEdges reads tf.Examples that are legal but not as TensorFlow writes them.
func TestExampleEdges(t *testing.T) {
	for name, test := range map[string]struct {
		data string
		want map[string]string
		fail bool
	}{
		"empty":            {"", map[string]string{}, false},
		"value first":      {"\n\x0c\n\x0a\x12\x05\n\x03\n\x01v\n\x01k", map[string]string{"k": "v"}, false},
		"integers":         {"\n\x0c\n\x0a\n\x01k\x12\x05\x1a\x03\n\x01\x07", map[string]string{}, false},
		"several values":   {"\n\x0f\n\x0d\n\x01k\x12\x08\n\x06\n\x01a\n\x01b", map[string]string{}, false},
		"two Features":     {"\n\x0c\n\x0a\n\x01k\x12\x05\n\x03\n\x01v\n\x0c\n\x0a\n\x01l\x12\x05\n\x03\n\x01w", map[string]string{"k": "v", "l": "w"}, false},
		"an unknown field": {"\x10\x05\n\x0c\n\x0a\n\x01k\x12\x05\n\x03\n\x01v", map[string]string{"k": "v"}, false},
		"cut":              {"\n\x0c\n\x0a\n\x01k\x12\x05\n\x03\n\x01", nil, true},
		"too long":         {"\n\xff\xff\xff\xff\xff\xff\xff\xff\x7f", nil, true},
	} {
		got, err := parseExample([]byte(test.data))
		if (err != nil) != test.fail || len(got) != len(test.want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		for k, v := range test.want {
			if string(got[k]) != v {
				t.Errorf("%s: %s is %q, want %q", name, k, got[k], v)
			}
		}
	}
}
