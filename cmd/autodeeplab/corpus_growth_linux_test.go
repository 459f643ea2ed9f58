package main

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"autodeeplab/internal/crc32c"
)

// hostileGrowth are files of which a careless reader makes many times their size.
func hostileGrowth() []hostileCase {
	importing := func(name, file string, data []byte) hostileCase {
		return hostileCase{name: name, files: map[string][]byte{file: data}, args: "import DIR/" + file + " -o DIR/new.onnx", want: file}
	}
	set := func(name, file string, data []byte, want string) hostileCase {
		return hostileCase{name: name, files: map[string][]byte{file: data}, args: "data check DIR/" + strings.SplitN(file, "/", 2)[0], want: want}
	}
	var header strings.Builder
	header.WriteString(`{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}`)
	for i := range 200_000 {
		fmt.Fprintf(&header, `,"%x":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}`, i)
	}
	tensors := safetensorsFile(header.String() + "}")
	header.Reset()
	header.WriteString(`{"__metadata__":{"a":""`)
	for i := range 700_000 {
		fmt.Fprintf(&header, `,"%x":""`, i)
	}
	metadata := safetensorsFile(header.String() + "}}")
	shape := safetensorsFile(`{"a":{"dtype":"F32","shape":[` + strings.Repeat("1,", 4_000_000) + `1],"data_offsets":[0,4]}}`)
	records := func(n int) []byte {
		head := make([]byte, 8)
		record := binary.LittleEndian.AppendUint32(head, crc32c.Masked(head))
		record = binary.LittleEndian.AppendUint32(record, crc32c.Masked(nil))
		return bytes.Repeat(record, n)
	}
	return []hostileCase{
		importing("200,000 tensors of nothing", "bad.safetensors", tensors),
		importing("700,000 texts of nothing", "bad.safetensors", metadata),
		importing("four million dimensions", "bad.safetensors", shape),
		{"a state of 700,000 texts", "", map[string][]byte{"found/checkpoint.safetensors": metadata}, nil, "report DIR/found", "checkpoint.safetensors"},
		{"a state of 200,000 tensors", "", map[string][]byte{"found/checkpoint.safetensors": tensors}, nil, "report DIR/found", "checkpoint.safetensors"},
		importing("a table of a million tensors", "bad.index", tableOfEmpty(1_000_000)),
		importing("a pickle of a thousand lists of a thousand times the same tensor", "bad.pth", pickleOf(1000, 1000)),
		importing("a pickle of 60,000 tensors with a name of a megabyte", "bad.pth", pickleNamed(1<<20, 60_000)),
		graphCase("130,000 empty initializers", "\x2a\x00", 130_000),
		graphCase("260,000 empty nodes", "\x0a\x00", 260_000),
		graphCase("85,000 nodes with an attribute", "\x0a\x02\x2a\x00", 85_000),
		graphCase("50,000 nodes with a tensor", "\x0a\x04\x2a\x02\x2a\x00", 50_000),
		graphCase("260,000 inputs", "\x5a\x00", 260_000),
		graphCase("50,000 inputs with a type", "\x5a\x08\x12\x06\x0a\x04\x12\x02\x0a\x00", 50_000),
		graphCase("50,000 sparse initializers", "\x7a\x04\x0a\x00\x12\x00", 50_000),
		set("a shard of a million empty records", "set/train-00000-of-00001.tfrecord", records(1_000_000), "set"),
		{"a list of three million names", "", map[string][]byte{
			"set/JPEGImages/a.jpg": picture(8, 8), "set/SegmentationClass/a.png": picture(8, 8),
			"set/ImageSets/Segmentation/val.txt": []byte("a\n"), "set/ImageSets/Segmentation/train.txt": numberedLines(3_000_000)}, nil, "data check DIR/set", "set"},
		pictureCase("a WebP of 14,000 by 14,000 without pixels", "bad.webp", hugeWebP(14000, 14000), "bad.webp"),
		pictureCase("a TIFF of 14,000 by 14,000 with one strip", "bad.tiff", hugeTIFF(14000, 14000), "bad.tiff"),
		pictureCase("a PNG of 8,000 by 8,000 with 30 KB of zeros", "bad.png", zeroPNG(8000, 8000, 30<<10), "bad.png"),
	}
}

// graphCase repeats a field of a graph.
func graphCase(name, field string, n int) hostileCase {
	return onnxCase(name, "", graphField(repeated(field, n)), "bad.onnx")
}

// theTensor is a pickle's tensor of one element, and puts it into the memo as 9.
const theTensor = "ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQK\x00K\x01\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtRq\x09"

// pickled is the pickle in an archive as PyTorch writes it.
func pickled(pickle string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("a/data.pkl")
	if err == nil {
		_, err = f.Write([]byte(pickle))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err)
	}
	return b.Bytes()
}

// pickleOf is a list of n times one list of m times one tensor.
func pickleOf(n, m int) []byte {
	inner := "](" + theTensor + strings.Repeat("h\x09", m-1) + "eq\x08"
	return pickled("\x80\x02](" + inner + strings.Repeat("h\x08", n-1) + "e.")
}

// pickleNamed is a dictionary of a list of n times one tensor, under a name of so many bytes.
func pickleNamed(length, n int) []byte {
	key := append([]byte("X"), binary.LittleEndian.AppendUint32(nil, uint32(length))...)
	return pickled("\x80\x02}" + string(key) + strings.Repeat("a", length) + "](" + theTensor + strings.Repeat("h\x09", n-1) + "es.")
}

func numberedLines(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "%x\n", i)
	}
	return b.Bytes()
}

// hugeWebP is a lossless WebP of which only the header is there.
func hugeWebP(w, h uint32) []byte {
	body := append([]byte{0x2f}, binary.LittleEndian.AppendUint32(nil, (w-1)|(h-1)<<14)...)
	body = append(body, make([]byte, 65)...)
	b := append([]byte("RIFF"), binary.LittleEndian.AppendUint32(nil, uint32(len(body)+12))...)
	b = append(b, "WEBPVP8L"...)
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(body))), body...)
}

// zeroPNG has a stream of n bytes that Deflate cannot read to the end.
func zeroPNG(w, h uint32, n int) []byte {
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	b := append([]byte("\x89PNG\r\n\x1a\n"), pngChunk("IHDR", append(head, 16, 6, 0, 0, 0))...)
	b = append(b, pngChunk("IDAT", append([]byte("\x78\x9c"), make([]byte, n)...))...)
	return append(b, pngChunk("IEND", nil)...)
}

// tableOfEmpty is a TensorFlow index of n tensors in one block.
func tableOfEmpty(n int) []byte {
	var block bytes.Buffer
	entry := func(shared int, key, value string) {
		var b []byte
		for _, v := range []int{shared, len(key), len(value)} {
			b = binary.AppendUvarint(b, uint64(v))
		}
		block.Write(b)
		block.WriteString(key + value)
	}
	end := func(b *bytes.Buffer) (at, size int, file []byte) {
		b.Write([]byte{0, 0, 0, 0, 1, 0, 0, 0})
		data := append(bytes.Clone(b.Bytes()), 0)
		sum := crc32c.Masked(data)
		return 0, len(data) - 1, binary.LittleEndian.AppendUint32(data, sum)
	}
	entry(0, "", "\x08\x01")
	for i := range n {
		entry(0, fmt.Sprintf("%06x", i), "\x08\x01")
	}
	_, size, file := end(&block)
	handle := func(at, size int) string {
		return string(binary.AppendUvarint(binary.AppendUvarint(nil, uint64(at)), uint64(size)))
	}
	first := handle(0, size)
	block.Reset()
	_, emptySize, empty := end(&block)
	metaAt := len(file)
	file = append(file, empty...)
	block.Reset()
	entry(0, "zzzzzzz", first)
	_, indexSize, index := end(&block)
	indexAt := len(file)
	file = append(file, index...)
	footer := []byte(handle(metaAt, emptySize) + handle(indexAt, indexSize))
	footer = append(footer, make([]byte, 40-len(footer))...)
	return append(append(file, footer...), "\x57\xfb\x80\x8b\x24\x75\x47\xdb"...)
}
