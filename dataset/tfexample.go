package dataset

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// Keys of the authors' release (deeplab/datasets/build_data.py).
const (
	keyImage  = "image/encoded"
	keyLabels = "image/segmentation/class/encoded"
)

// parseExample gives the values of those features of a tf.Example that are single byte strings, by name. The messages:
//
//	Example  { Features features = 1 }           Feature   { BytesList bytes_list = 1; … }
//	Features { map<string, Feature> feature = 1 }  BytesList { repeated bytes value = 1 }
func parseExample(data []byte) (map[string][]byte, error) {
	values := make(map[string][]byte)
	err := fields(data, func(features []byte) error {
		return fields(features, func(entry []byte) error {
			var name string
			var feature []byte
			for len(entry) > 0 {
				number, value, n, err := field(entry)
				if err != nil {
					return err
				}
				switch number {
				case 1:
					name = string(value)
				case 2:
					feature = value
				}
				entry = entry[n:]
			}
			return fields(feature, func(list []byte) error {
				count := 0
				err := fields(list, func(value []byte) error {
					values[name] = value
					count++
					return nil
				})
				if count > 1 { // one that no key of ours has
					delete(values, name)
				}
				return err
			})
		})
	})
	if err != nil {
		return nil, fmt.Errorf("no tf.Example: %w", err)
	}
	return values, nil
}

// fields calls f with each field 1 of a message that is a message or a string.
func fields(message []byte, f func([]byte) error) error {
	for len(message) > 0 {
		number, value, n, err := field(message)
		if err != nil {
			return err
		}
		if number == 1 && value != nil {
			if err := f(value); err != nil {
				return err
			}
		}
		message = message[n:]
	}
	return nil
}

// field reads one field; value is nil where it is a number.
func field(b []byte) (number protowire.Number, value []byte, n int, err error) {
	number, kind, tag := protowire.ConsumeTag(b)
	if tag < 0 {
		return 0, nil, 0, protowire.ParseError(tag)
	}
	if kind == protowire.BytesType {
		value, n = protowire.ConsumeBytes(b[tag:])
	} else {
		n = protowire.ConsumeFieldValue(number, kind, b[tag:])
	}
	if n < 0 {
		return 0, nil, 0, protowire.ParseError(n)
	}
	return number, value, tag + n, nil
}

// pictureAndLabels gives the two encoded pictures of a record.
func pictureAndLabels(record []byte) (image, labels []byte, err error) {
	values, err := parseExample(record)
	if err != nil {
		return nil, nil, err
	}
	for _, key := range []string{keyImage, keyLabels} {
		if len(values[key]) == 0 {
			return nil, nil, fmt.Errorf("the tf.Example has no %s", key)
		}
	}
	return values[keyImage], values[keyLabels], nil
}
