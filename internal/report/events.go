package report

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"autodeeplab/internal/crc32c"
)

// Events writes an event file as TensorBoard reads it: TFRecords of messages Event with scalar summaries (TensorFlow's
// core/util/event.proto and core/framework/summary.proto; tag "loss/train" is the chart train in the group loss).
//
// A run that goes on after a stop writes a file of its own beside the earlier ones; TensorBoard joins them.
type Events struct{ w io.Writer }

// EventsFile is the name of an event file that was begun at a time.
func EventsFile(began time.Time) string {
	return fmt.Sprintf("events.out.tfevents.%d.autodeeplab", began.UnixNano())
}

// NewEvents begins a file.
func NewEvents(w io.Writer, now time.Time) (*Events, error) {
	e := &Events{w}
	return e, e.record(protowire.AppendString(protowire.AppendTag(event(now, 0), 3, protowire.BytesType), "brain.Event:2"))
}

// Scalar appends one value.
func (e *Events) Scalar(now time.Time, step int, tag string, value float64) error {
	var v []byte
	v = protowire.AppendString(protowire.AppendTag(v, 1, protowire.BytesType), tag)
	v = protowire.AppendFixed32(protowire.AppendTag(v, 2, protowire.Fixed32Type), math.Float32bits(float32(value)))
	summary := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), v)
	return e.record(protowire.AppendBytes(protowire.AppendTag(event(now, step), 5, protowire.BytesType), summary))
}

// event is the beginning of a message Event: wall_time and step.
func event(now time.Time, step int) []byte {
	seconds := float64(now.Unix()) + float64(now.Nanosecond())/1e9
	b := protowire.AppendFixed64(protowire.AppendTag(nil, 1, protowire.Fixed64Type), math.Float64bits(seconds))
	return protowire.AppendVarint(protowire.AppendTag(b, 2, protowire.VarintType), uint64(step))
}

// record writes length, its checksum, data and their checksum.
func (e *Events) record(data []byte) error {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	b = binary.LittleEndian.AppendUint32(b, crc32c.Masked(b))
	b = append(b, data...)
	_, err := e.w.Write(binary.LittleEndian.AppendUint32(b, crc32c.Masked(data)))
	return err
}
