package report

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math"
	"os"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"autodeeplab/internal/atomicfile"
)

// EventsFile is a name under which TensorBoard finds an event file: it looks for "tfevents" in a folder's files.
const EventsFile = "events.out.tfevents.autodeeplab"

// Scalar is one number of an event. TensorBoard groups tags by what stands before the slash: loss/train, loss/arch.
type Scalar struct {
	Tag   string
	Value float64 // written as float32; NaN and infinities are kept
}

// Events appends to a TensorBoard event file: TFRecord frames, each the protobuf message tensorflow.Event
// (tensorflow/core/util/event.proto, version 2) of one step's scalars. It is not safe for use by several goroutines.
type Events struct {
	path    string
	file    *os.File
	pending []byte
	err     error // the first, which all later calls return: what follows half a frame could not be read
}

// OpenEvents creates an event file, or opens one to go on with. keep says which of the scalars that it holds are to
// stay: a run that resumes at step n passes step < n, so that no step is there twice. A nil keep drops them all. The
// file is rewritten as a whole and replaced at once, so that it is good at whatever instant the program ends; half a
// record at its end, of a program that was killed, is dropped, and so is a record with a checksum that is wrong. A
// TensorBoard that is showing the file must be told to reload it.
//
// now is the time that a new file says it was made. Errors name the file. One that is no event file is left alone.
func OpenEvents(path string, now time.Time, keep func(step int64, tag string) bool) (*Events, error) {
	kept, err := readEvents(path, keep)
	if err != nil {
		return nil, err
	}
	if kept == nil {
		kept = frame(nil, encodeVersion(now))
	}
	if err := atomicfile.Sweep(path); err != nil {
		return nil, err
	}
	if err := atomicfile.WriteBytes(path, kept); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, err
	}
	return &Events{path: path, file: f}, nil
}

// Add appends the scalars of a step, to be written by the next Flush. Steps need not grow.
func (e *Events) Add(wall time.Time, step int64, scalars ...Scalar) error {
	if e.err == nil && len(scalars) > 0 {
		e.pending = frame(e.pending, encodeScalars(wall, step, scalars))
	}
	return e.err
}

// Flush writes what was added and syncs the file. A run that flushes before it writes its checkpoint finds, when it
// resumes, all events of the steps before it.
func (e *Events) Flush() error {
	if e.err == nil && len(e.pending) > 0 {
		_, err := e.file.Write(e.pending)
		e.err = errors.Join(err, e.file.Sync())
		e.pending = e.pending[:0]
	}
	return e.err
}

// Close flushes and closes the file. Closing again does nothing.
func (e *Events) Close() error {
	if e.file == nil {
		return nil
	}
	err := errors.Join(e.Flush(), e.file.Close())
	e.file, e.err = nil, fmt.Errorf("%s: %w", e.path, fs.ErrClosed)
	return err
}

// Field numbers of tensorflow.Event, Summary and Summary.Value.
const (
	eventWallTime, eventStep, eventVersion, eventSummary = 1, 2, 3, 5
	summaryValue                                         = 1
	valueTag, valueSimple                                = 1, 2
)

func encodeVersion(now time.Time) []byte {
	b := appendWallTime(nil, now)
	b = protowire.AppendTag(b, eventVersion, protowire.BytesType)
	return protowire.AppendString(b, "brain.Event:2")
}

func encodeScalars(wall time.Time, step int64, scalars []Scalar) []byte {
	var summary []byte
	for _, s := range scalars {
		v := protowire.AppendTag(nil, valueTag, protowire.BytesType)
		v = protowire.AppendString(v, clean(s.Tag)) // a string that is not UTF-8 makes the message unreadable
		v = protowire.AppendTag(v, valueSimple, protowire.Fixed32Type)
		v = protowire.AppendFixed32(v, math.Float32bits(float32(s.Value)))
		summary = protowire.AppendTag(summary, summaryValue, protowire.BytesType)
		summary = protowire.AppendBytes(summary, v)
	}
	b := appendWallTime(nil, wall)
	b = protowire.AppendTag(b, eventStep, protowire.VarintType)
	b = protowire.AppendVarint(b, uint64(step))
	b = protowire.AppendTag(b, eventSummary, protowire.BytesType)
	return protowire.AppendBytes(b, summary)
}

func appendWallTime(b []byte, t time.Time) []byte {
	seconds := float64(t.Unix()) + float64(t.Nanosecond())/1e9
	b = protowire.AppendTag(b, eventWallTime, protowire.Fixed64Type)
	return protowire.AppendFixed64(b, math.Float64bits(seconds))
}

// A TFRecord frame is the length (uint64), its checksum, the data and their checksum, all little-endian.
const (
	frameHead = 12
	frameTail = 4
	// maxEvent is far beyond what an event of scalars needs; a longer one is taken for damage.
	maxEvent = 16 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is CRC-32C as TFRecord masks it, so that data which hold checksums have good checksums too.
func checksum(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

func frame(dst, data []byte) []byte {
	at := len(dst)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(len(data)))
	dst = binary.LittleEndian.AppendUint32(dst, checksum(dst[at:]))
	dst = append(dst, data...)
	return binary.LittleEndian.AppendUint32(dst, checksum(data))
}

var errDamagedEvent = errors.New("damaged event")

// nextEvent reads a frame. The error is errDamagedEvent where the next frame can still be read, io.EOF at the end, and
// io.ErrUnexpectedEOF where the rest is of no use.
func nextEvent(r *bufio.Reader) ([]byte, error) {
	var head [frameHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(head[:])
	if binary.LittleEndian.Uint32(head[8:]) != checksum(head[:8]) || n > maxEvent {
		return nil, io.ErrUnexpectedEOF
	}
	data := make([]byte, n+frameTail)
	switch _, err := io.ReadFull(r, data); {
	case errors.Is(err, io.EOF):
		return nil, io.ErrUnexpectedEOF
	case err != nil:
		return nil, err
	}
	data, tail := data[:n], data[n:]
	if binary.LittleEndian.Uint32(tail) != checksum(data) {
		return nil, errDamagedEvent
	}
	return data, nil
}

// readEvents gives the frames of an event file with the scalars that keep wants; nil where there is no file.
func readEvents(path string, keep func(step int64, tag string) bool) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, fmt.Errorf("%s: not a file", path))
	}
	r := bufio.NewReader(f)
	var kept []byte
	for first := true; ; first = false {
		data, err := nextEvent(r)
		ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		switch {
		case first && (ended || errors.Is(err, errDamagedEvent)):
			// A new file gets its first record before it gets its name, so this one is something else.
			return nil, fmt.Errorf("%s: no TensorBoard event file; move it away or write elsewhere", path)
		case ended:
			return kept, nil
		case errors.Is(err, errDamagedEvent):
			continue
		case err != nil:
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if !first {
			data = keepScalars(data, keep)
		}
		if len(data) > 0 {
			kept = frame(kept, data)
		}
	}
}

// keepScalars gives an event without the values that are not to be kept, nil if none are. What is not understood is
// dropped too.
func keepScalars(event []byte, keep func(step int64, tag string) bool) []byte {
	var step int64
	var summary []byte
	if keep == nil || !eachField(event, func(n protowire.Number, t protowire.Type, v []byte) {
		switch {
		case n == eventStep && t == protowire.VarintType:
			u, _ := protowire.ConsumeVarint(v)
			step = int64(u)
		case n == eventSummary && t == protowire.BytesType:
			summary, _ = protowire.ConsumeBytes(v)
		}
	}) {
		return nil
	}
	var kept []byte
	if !eachField(summary, func(n protowire.Number, t protowire.Type, v []byte) {
		if n != summaryValue || t != protowire.BytesType {
			return
		}
		value, _ := protowire.ConsumeBytes(v)
		tag, ok := "", false
		eachField(value, func(n protowire.Number, t protowire.Type, v []byte) {
			if n == valueTag && t == protowire.BytesType {
				tag, _ = protowire.ConsumeString(v)
				ok = true
			}
		})
		if ok && keep(step, tag) {
			kept = protowire.AppendTag(kept, summaryValue, protowire.BytesType)
			kept = append(kept, v...)
		}
	}) || len(kept) == 0 {
		return nil
	}
	if bytes.Equal(kept, summary) {
		return event
	}
	var out []byte
	eachField(event, func(n protowire.Number, t protowire.Type, v []byte) {
		out = protowire.AppendTag(out, n, t)
		if n == eventSummary {
			out = protowire.AppendBytes(out, kept)
		} else {
			out = append(out, v...)
		}
	})
	return out
}

// eachField gives the fields of a message with their values as encoded. It reports whether the message is whole.
func eachField(message []byte, f func(n protowire.Number, t protowire.Type, value []byte)) bool {
	for len(message) > 0 {
		n, t, head := protowire.ConsumeTag(message)
		if head < 0 {
			return false
		}
		message = message[head:]
		length := protowire.ConsumeFieldValue(n, t, message)
		if length < 0 {
			return false
		}
		f(n, t, message[:length])
		message = message[length:]
	}
	return true
}
