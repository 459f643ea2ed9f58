package main

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
)

// pngChunk is one chunk of a PNG, with its length and checksum.
func pngChunk(kind string, data []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(b, kind...)
	b = append(b, data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// hugePNG says that it has so many pixels, and has none.
func hugePNG(w, h uint32) []byte {
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	b := append([]byte("\x89PNG\r\n\x1a\n"), pngChunk("IHDR", append(head, 8, 2, 0, 0, 0))...)
	b = append(b, pngChunk("IDAT", []byte("\x78\x9c\x03\x00\x00\x00\x00\x01"))...)
	return append(b, pngChunk("IEND", nil)...)
}

// hugeBMP is a bitmap's header.
func hugeBMP(w, h int32) []byte {
	b := []byte("BM")
	for _, v := range []int32{54, 0, 54, 40, w, h} {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	b = append(b, 1, 0, 24, 0)
	return append(b, make([]byte, 24)...)
}

// hugeTIFF has a directory with the size, and strips that are not there.
func hugeTIFF(w, h uint32) []byte {
	b := []byte("II*\x00\x08\x00\x00\x00")
	entries := [][3]uint32{{256, 4, w}, {257, 4, h}, {258, 3, 8}, {259, 3, 1}, {262, 3, 1}, {273, 4, 8}, {277, 3, 1}, {278, 4, h}, {279, 4, w}}
	b = binary.LittleEndian.AppendUint16(b, uint16(len(entries)))
	for _, e := range entries {
		b = binary.LittleEndian.AppendUint16(b, uint16(e[0]))
		b = binary.LittleEndian.AppendUint16(b, uint16(e[1]))
		b = binary.LittleEndian.AppendUint32(b, 1)
		b = binary.LittleEndian.AppendUint32(b, e[2])
	}
	return append(b, 0, 0, 0, 0)
}

func pictureCase(name, file string, data []byte, want string) hostileCase {
	return hostileCase{name: name, files: map[string][]byte{file: data}, args: "run DIR/net.onnx DIR/" + file + " -o DIR/out", want: want}
}

func hostilePictures() []hostileCase {
	labels := func(name string, data []byte, want string) hostileCase {
		return hostileCase{name: name, files: map[string][]byte{"data/labels/val/a.png": data}, args: "eval DIR/net.onnx --data DIR/data", want: want}
	}
	return []hostileCase{
		pictureCase("a PNG of four billion by four billion", "bad.png", hugePNG(1<<31-1, 1<<31-1), "bad.png"),
		pictureCase("a PNG of 60,000 by 60,000", "bad.png", hugePNG(60000, 60000), "pixels"),
		pictureCase("a PNG of 14,000 by 14,000 without pixels", "bad.png", hugePNG(14000, 14000), "bad.png"),
		pictureCase("a PNG of no pixels", "bad.png", hugePNG(0, 0), "bad.png"),
		pictureCase("a bitmap of 60,000 by 60,000", "bad.bmp", hugeBMP(60000, 60000), "bad.bmp"),
		pictureCase("a bitmap of a negative width", "bad.bmp", hugeBMP(-5, 5), "bad.bmp"),
		pictureCase("a TIFF of 60,000 by 60,000", "bad.tiff", hugeTIFF(60000, 60000), "bad.tiff"),
		pictureCase("a JPEG without an end", "bad.jpg", append([]byte("\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01"), repeated("\xff\xfe\x00\x02", 1000)...), "bad.jpg"),
		pictureCase("a WebP that is cut off", "bad.webp", []byte("RIFF\xff\xff\xff\x7fWEBPVP8L\xff\xff\xff\x7f\x2f\xff\xff\xff\xff"), "bad.webp"),
		labels("labels of 60,000 by 60,000", hugePNG(60000, 60000), "a.png"),
		labels("labels that are cut off", truncated(picture(40, 36)), "a.png"),
	}
}

// zipOf is an archive of one entry of n zeros, packed: a thousandth of that.
func zipOf(name string, n int) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create(name)
	if err == nil {
		_, err = f.Write(make([]byte, n))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err)
	}
	return b.Bytes()
}

// zipOfMany is an archive that lists its one entry n times.
func zipOfMany(n int) []byte {
	b := zipOf("a/data.pkl", 1)
	end := bytes.LastIndex(b, []byte("PK\x05\x06"))
	at := bytes.Index(b, []byte("PK\x01\x02"))
	entry := bytes.Clone(b[at:end])
	tail := bytes.Clone(b[end:])
	binary.LittleEndian.PutUint16(tail[8:], uint16(n))
	binary.LittleEndian.PutUint16(tail[10:], uint16(n))
	binary.LittleEndian.PutUint32(tail[12:], uint32(n*len(entry)))
	return append(append(b[:at], bytes.Repeat(entry, n)...), tail...)
}

// npy is NumPy's header.
func npy(shape string) []byte {
	head := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': %s, }", shape)
	head += strings.Repeat(" ", 117-len(head)) + "\n"
	return append(binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(head))), head...)
}

func safetensorsFile(header string) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
}

func hostileOthers() []hostileCase {
	importing := func(name, like, file string, data []byte, want string) hostileCase {
		return hostileCase{name: name, like: like, files: map[string][]byte{file: data}, args: "import DIR/" + file + " -o DIR/new.onnx", want: want}
	}
	arch := func(name string, data []byte, want string) hostileCase {
		return hostileCase{name: name, files: map[string][]byte{"bad.json": data}, args: "compile DIR/bad.json -o DIR/new.onnx", want: want}
	}
	const head = `{"format": "autodeeplab.architecture", "version": 1, "name": "x", "cell": [[{"input": 0, "op": "skip_connect"}, {"input": 1, "op": "skip_connect"}]], "path": [`
	return []hostileCase{
		arch("an architecture of two megabytes", append([]byte(head), append(repeated("0,", 1<<20), "0]}"...)...), "1048576"),
		arch("an architecture of 1,000 layers", append([]byte(head), append(repeated("0,", 999), "0]}"...)...), "path"),
		arch("lists in lists, 400,000 deep", repeated("[", 400_000), "bad.json"),
		arch("an architecture with a level of 10^400", []byte(head+"1"+strings.Repeat("0", 400)+"]}"), "path"),
		importing("a pickle that would run a command", "CVE-2025-32434", "bad.pth", []byte("cos\nsystem\n(S'touch /tmp/hostile'\ntR."), "bad.pth"),
		importing("a pickle that doubles a list forty times", "", "bad.pth", []byte("\x80\x02]q\x00"+strings.Repeat("(h\x00h\x00lq\x00", 40)+"."), "bad.pth"),
		importing("a pickle with a number of thirty million digits", "", "bad.pth", append([]byte("\x80\x02L"), append(repeated("9", 30_000_000), "L\n."...)...), "bad.pth"),
		importing("an archive of 400,000 entries", "", "bad.pth", zipOfMany(400_000), "list of its entries"),
		importing("a pickle of a million lists", "", "bad.pth", append([]byte("\x80\x02"), append(repeated("]", 1_000_000), '.')...), "bad.pth"),
		importing("a pickle of a million marks", "", "bad.pth", append([]byte("\x80\x02"), append(repeated("(", 1_000_000), '.')...), "bad.pth"),
		importing("a pickle of lists in lists", "", "bad.pth", append([]byte("\x80\x02]"), append(append(repeated("]", 500_000), repeated("a", 500_000)...), '.')...), "bad.pth"),
		importing("a pickle of ordered dictionaries", "", "bad.pth", append([]byte("\x80\x02ccollections\nOrderedDict\nq\x00"), append(repeated("h\x00)R", 700_000), '.')...), "bad.pth"),
		importing("an archive of zeros for a checkpoint", "", "bad.pth", zipOf("archive/data.pkl", 1<<30), "bad.pth"),
		importing("an archive of zeros for arrays", "", "bad.npz", zipOf("w.npy", 1<<30), "bad.npz"),
		importing("an array of 2^60 elements", "CVE-2026-34445", "bad.npy", npy("(1152921504606846976,)"), "bad.npy"),
		importing("an array of a negative size", "", "bad.npy", npy("(-4,)"), "bad.npy"),
		importing("an array with a header of code", "", "bad.npy", npy("__import__('os')"), "bad.npy"),
		importing("a header of 2^63 bytes", "", "bad.safetensors", []byte("\xff\xff\xff\xff\xff\xff\xff\x7f{}"), "header"),
		importing("tensors that overlap", "", "bad.safetensors", append(safetensorsFile(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`), 0, 0, 0, 0), "bad.safetensors"),
		importing("a tensor beyond the end", "CVE-2024-27319", "bad.safetensors", safetensorsFile(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[1000000000000,1000000000004]}}`), "bad.safetensors"),
		{"α and β of 2^60 elements", "", map[string][]byte{"bad.safetensors": safetensorsFile(`{"alpha":{"dtype":"F32","shape":[1152921504606846976,8],"data_offsets":[0,32]}}`)}, nil,
			"decode DIR/bad.safetensors -o DIR/new.json", "bad.safetensors"},
		{"a table's end that points outside", "", map[string][]byte{"bad.index": append(make([]byte, 40), "\x57\xfb\x80\x8b\x24\x75\x47\xdb"...)}, nil,
			"import DIR/bad -o DIR/new.onnx", "bad.index"},
		{"classes by the million", "", map[string][]byte{"data/classes.json": append([]byte(`{"classes": [`), append(repeated(`"x",`, 1_000_000), `"x"]}`...)...)}, nil,
			"eval DIR/net.onnx --data DIR/data", "classes"},
	}
}
