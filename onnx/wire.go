package onnx

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
)

// The protobuf library copies every bytes field that it reads. Weights are nearly all of a model, so a model would
// stand in memory twice, and the garbage collector's slack doubles that again. splitBlobs therefore takes raw_data out
// of the message first and leaves the number of the blob in its place (8 bytes); joinBlobs puts slices of the file's
// bytes back after the small rest has been decoded. Both walk the same paths of fields, those where weights lie: the
// initializers and the tensors of the nodes' attributes, of the main graph.

// wirePath is one step of the walk: a field number and what to do with its contents (nil: they are a blob).
type wirePath map[protowire.Number]wirePath

// Field numbers of onnx.proto3.
var (
	tensorPath = wirePath{9: nil}                                                 // TensorProto.raw_data
	graphPath  = wirePath{5: tensorPath, 1: wirePath{5: wirePath{5: tensorPath}}} // initializer; node.attribute.t
	modelPath  = wirePath{7: graphPath}                                           // ModelProto.graph
)

// splitBlobs copies a ModelProto with each raw_data on modelPath replaced by its index in blobs. The blobs share
// data's memory.
func splitBlobs(data []byte) (small []byte, blobs [][]byte, err error) {
	small, err = splitMessage(data, modelPath, &blobs)
	return small, blobs, err
}

// splitMessage rewrites one message and, along path, those below it. Fields that are not on path, or not of the wire type
// that belongs there, are copied as they are: to judge them is for the protobuf library. The depth is that of path, so a
// hostile file cannot make it recurse.
func splitMessage(data []byte, path wirePath, blobs *[][]byte) ([]byte, error) {
	var out []byte
	for len(data) > 0 {
		num, typ, n := protowire.ConsumeTag(data)
		if n < 0 {
			return nil, wireError(n, num, len(data))
		}
		next, known := path[num]
		if !known || typ != protowire.BytesType {
			size := protowire.ConsumeFieldValue(num, typ, data[n:])
			if size < 0 {
				return nil, wireError(size, num, len(data)-n)
			}
			out = append(out, data[:n+size]...)
			data = data[n+size:]
			continue
		}
		value, size := protowire.ConsumeBytes(data[n:])
		if size < 0 {
			return nil, wireError(size, num, len(data)-n)
		}
		data = data[n+size:]
		if next == nil {
			value, *blobs = binary.LittleEndian.AppendUint64(nil, uint64(len(*blobs))), append(*blobs, value[:len(value):len(value)])
		} else {
			var err error
			if value, err = splitMessage(value, next, blobs); err != nil {
				return nil, err
			}
		}
		out = protowire.AppendTag(out, num, typ)
		out = protowire.AppendBytes(out, value)
	}
	return out, nil
}

// wireError tells a file that ends too soon, the usual accident, from one that is damaged. A length that does not fit
// may also be damage, but it cannot be told apart.
func wireError(code int, field protowire.Number, left int) error {
	if err := protowire.ParseError(code); errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("it is cut off: field %d does not fit the %d bytes that are left", field, left)
	}
	return errors.New("its protobuf message is damaged")
}

// smallBlob is the size in bytes up to which a blob is copied, so that a tensor of a few numbers does not keep the whole
// file in memory.
const smallBlob = 1 << 12

// joinBlobs undoes splitBlobs in the decoded message.
func joinBlobs(m *Model, blobs [][]byte) {
	join := func(t *TensorPB) {
		if p := t.GetRawData(); p != nil {
			t.RawData = blobs[binary.LittleEndian.Uint64(p)]
			if len(t.RawData) <= smallBlob {
				t.RawData = bytes.Clone(t.RawData)
			}
		}
	}
	for _, t := range m.GetGraph().GetInitializer() {
		join(t)
	}
	for _, n := range m.GetGraph().GetNode() {
		for _, a := range n.GetAttribute() {
			join(a.GetT())
		}
	}
}
