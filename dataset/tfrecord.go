package dataset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"autodeeplab/internal/crc32c"
)

// TensorFlow's record files: each record is its length (8 bytes, little endian), a checksum of these, the bytes, and a
// checksum of them. The checksums are CRC-32C, turned and offset so that one over data that hold checksums is no weaker.

// span is where a record's bytes lie in a file; the zero value means that the sample is no record.
type span struct{ at, length int64 }

// maxRecord is the size of the largest record that is read.
const maxRecord = maxLabelBytes + 1<<28

// listRecords finds the records of a file of size bytes without reading what is in them.
func listRecords(r io.ReaderAt, size int64) ([]span, error) {
	var list []span
	for at := int64(0); at < size; {
		var head [12]byte
		if size-at < int64(len(head)) {
			return nil, fmt.Errorf("the file ends in the head of record %d, at byte %d", len(list), at)
		}
		if _, err := r.ReadAt(head[:], at); err != nil {
			return nil, err
		}
		if crc32c.Masked(head[:8]) != binary.LittleEndian.Uint32(head[8:]) {
			return nil, fmt.Errorf("record %d, at byte %d: the checksum of its length is wrong: the file is damaged, or no TFRecord (compressed ones are not read)", len(list), at)
		}
		length := binary.LittleEndian.Uint64(head[:8])
		if length > maxRecord {
			return nil, fmt.Errorf("record %d, at byte %d: %d bytes, want at most %d", len(list), at, length, maxRecord)
		}
		at += int64(len(head))
		if size-at < int64(length)+4 {
			return nil, fmt.Errorf("the file ends in record %d: it has %d bytes of %d", len(list), size-at, int64(length)+4)
		}
		list = append(list, span{at, int64(length)})
		at += int64(length) + 4
	}
	return list, nil
}

// readRecord reads and checks a record's bytes.
func readRecord(r io.ReaderAt, s span) ([]byte, error) {
	data := make([]byte, s.length+4)
	if _, err := r.ReadAt(data, s.at); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF // the file has become shorter
		}
		return nil, fmt.Errorf("record at byte %d: %w", s.at, err)
	}
	body := data[:s.length]
	if crc32c.Masked(body) != binary.LittleEndian.Uint32(data[s.length:]) {
		return nil, fmt.Errorf("record at byte %d: its checksum is wrong: the file is damaged", s.at)
	}
	return body, nil
}

// shardName is what shards are called: prefix-00003-of-00010.tfrecord, with or without the ending.
var shardName = regexp.MustCompile(`^(.+)-([0-9]{5})-of-([0-9]{5})(\.tfrecord)?$`)

// shards lists a folder's shards of a prefix in their order; none is no error.
func shards(dir, prefix string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []string
	total := ""
	for _, e := range entries { // sorted by name
		m := shardName.FindStringSubmatch(e.Name())
		if m == nil || m[1] != prefix {
			continue
		}
		if total == "" {
			total = m[3]
		}
		if m[3] != total {
			return nil, fmt.Errorf("%s: shards of two sets, -of-%s and -of-%s", filepath.Join(dir, prefix+"-…"), total, m[3])
		}
		if i, err := strconv.Atoi(m[2]); err != nil || i != len(found) {
			return nil, fmt.Errorf("%s: shard %05d of %s is missing", filepath.Join(dir, prefix+"-…"), len(found), total)
		}
		found = append(found, filepath.Join(dir, e.Name()))
	}
	if n, err := strconv.Atoi(total); len(found) > 0 && (err != nil || n != len(found)) {
		return nil, fmt.Errorf("%s: %d shards of %s: the last ones are missing", filepath.Join(dir, prefix+"-…"), len(found), total)
	}
	return found, nil
}

// records lists the samples of a prefix's shards. Their names are the shard's with the record's number.
func (s source) recordSamples(dir string) ([]Sample, error) {
	files, err := shards(dir, s.records)
	if err != nil {
		return nil, err
	}
	var list []Sample
	for _, path := range files {
		spans, err := listFile(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		base := shardName.ReplaceAllString(filepath.Base(path), "$1-$2")
		for i, at := range spans {
			list = append(list, Sample{Name: fmt.Sprintf("%s-%05d", base, i), Image: path, Label: path, record: at, scheme: s.scheme})
		}
	}
	return slices.Clip(list), nil
}

func listFile(path string) ([]span, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return listRecords(f, info.Size())
}
