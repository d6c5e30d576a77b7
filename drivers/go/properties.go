package main

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// property is an option of the client as text. What it becomes may be no option at all, where the value asks for what the
// client does anyway. show turns what the live client says of it into text.
type property struct {
	name  string
	apply func(value string) (kgo.Opt, error)
	show  func(effective any) string
}

var properties = []property{
	of("RequiredAcks", parseAcks, kgo.RequiredAcks).shown(showAcks),
	flag("DisableIdempotentWrite", kgo.DisableIdempotentWrite),
	flag("AllowIdempotentProduceCancellation", kgo.AllowIdempotentProduceCancellation),
	of("MaxProduceRequestsInflightPerBroker", strconv.Atoi, kgo.MaxProduceRequestsInflightPerBroker),
	of("ProducerLinger", parseDuration, kgo.ProducerLinger),
	of("ProducerBatchMaxBytes", parseInt32, kgo.ProducerBatchMaxBytes),
	of("ProducerBatchCompression", parseCodecs, compression).shown(showCodecs),
	flag("StreamingCompression", kgo.StreamingCompression),
	of("MaxBufferedRecords", strconv.Atoi, kgo.MaxBufferedRecords),
	of("MaxBufferedBytes", strconv.Atoi, kgo.MaxBufferedBytes),
	of("RecordPartitioner", parsePartitioner, partitionedBy).shown(showPartitioner),
	of("RecordDeliveryTimeout", parseDuration, kgo.RecordDeliveryTimeout),
	of("RecordRetries", strconv.Atoi, kgo.RecordRetries),
	of("UnknownTopicRetries", strconv.Atoi, kgo.UnknownTopicRetries),
	of("ProduceRequestTimeout", parseDuration, kgo.ProduceRequestTimeout),
	of("RequestRetries", strconv.Atoi, kgo.RequestRetries),
	of("RetryTimeout", parseDuration, kgo.RetryTimeout),
	of("RequestTimeoutOverhead", parseDuration, kgo.RequestTimeoutOverhead),
	of("ConnIdleTimeout", parseDuration, kgo.ConnIdleTimeout),
	of("DialTimeout", parseDuration, kgo.DialTimeout),
	of("MetadataMaxAge", parseDuration, kgo.MetadataMaxAge),
	of("MetadataMinAge", parseDuration, kgo.MetadataMinAge),
	of("BrokerMaxWriteBytes", parseInt32, kgo.BrokerMaxWriteBytes),
	flag("DisableClientMetrics", kgo.DisableClientMetrics),
}

func of[T any, O kgo.Opt](name string, parse func(string) (T, error), option func(T) O) property {
	return property{name, func(value string) (kgo.Opt, error) {
		parsed, err := parse(value)
		if err != nil {
			return nil, err
		}
		return option(parsed), nil
	}, func(effective any) string { return fmt.Sprint(effective) }}
}

// flag is an option without a value: it can be asked for, and not taken back.
func flag[O kgo.Opt](name string, option func() O) property {
	return property{name, func(value string) (kgo.Opt, error) {
		on, err := strconv.ParseBool(value)
		if err != nil || !on {
			return nil, err
		}
		return option(), nil
	}, func(effective any) string { return fmt.Sprint(effective) }}
}

func (p property) shown(show func(any) string) property {
	p.show = show
	return p
}

// clientOptions turns properties into options of the client.
func clientOptions(given []pair) ([]kgo.Opt, error) {
	var options []kgo.Opt
	var secure security
	for _, each := range given {
		name, value := each[0], each[1]
		option, err := kgo.Opt(nil), secure.take(name, value)
		if err == errNotSecurity {
			option, err = applied(name, value)
		}
		if err != nil {
			return nil, usage("property %s = %s: %v", name, masked(name, value), unquoted(err))
		}
		if option != nil {
			options = append(options, option)
		}
	}
	more, err := secure.options()
	if err != nil {
		return nil, usage("%v", err)
	}
	return append(options, more...), nil
}

func applied(name, value string) (kgo.Opt, error) {
	for _, known := range properties {
		if known.name == name {
			return known.apply(value)
		}
	}
	return nil, fmt.Errorf("there is no such option")
}

// configuration is what is in effect, read from the live client.
func configuration(client *kgo.Client) []pair {
	told := make([]pair, 0, len(properties)+4)
	for _, each := range properties {
		told = append(told, pair{each.name, each.show(client.OptValue(each.name))})
	}
	told = append(told,
		pair{"SeedBrokers", strings.Join(client.OptValue(kgo.SeedBrokers).([]string), ",")},
		pair{"ClientID", client.OptValue(kgo.ClientID).(string)},
		pair{"AllowAutoTopicCreation", fmt.Sprint(client.OptValue(kgo.AllowAutoTopicCreation))},
		pair{"ManualFlushing", fmt.Sprint(client.OptValue(kgo.ManualFlushing))})
	return append(told, effectiveSecurity(client)...)
}

// masked hides what is nobody's business.
func masked(name, value string) string {
	lower := strings.ToLower(name)
	for _, secret := range []string{"passw", "secret", "token", "key.pem", "tls.key"} {
		if strings.Contains(lower, secret) {
			return "[masked]"
		}
	}
	return value
}

// unquoted is an error without the words that strconv puts in front.
func unquoted(err error) error {
	if number, ok := err.(*strconv.NumError); ok {
		return number.Err
	}
	return err
}

// parseDuration reads Go's text, or a bare number of milliseconds.
func parseDuration(value string) (time.Duration, error) {
	if millis, err := strconv.ParseInt(value, 10, 43); err == nil {
		return time.Duration(millis) * time.Millisecond, nil
	}
	parsed, err := time.ParseDuration(value)
	if err != nil {
		return 0, fmt.Errorf("neither a duration such as 5ms nor a number of milliseconds")
	}
	return parsed, nil
}

func parseInt32(value string) (int32, error) {
	parsed, err := strconv.ParseInt(value, 10, 32)
	return int32(parsed), err
}

var acksNames = []struct {
	names []string
	acks  kgo.Acks
}{
	{[]string{"all", "-1"}, kgo.AllISRAcks()},
	{[]string{"leader", "1"}, kgo.LeaderAck()},
	{[]string{"none", "0"}, kgo.NoAck()},
}

func parseAcks(value string) (kgo.Acks, error) {
	for _, each := range acksNames {
		if value == each.names[0] || value == each.names[1] {
			return each.acks, nil
		}
	}
	return kgo.Acks{}, fmt.Errorf("one of all, leader and none is wanted")
}

func showAcks(effective any) string {
	for _, each := range acksNames {
		if effective == each.acks {
			return each.names[0]
		}
	}
	return fmt.Sprint(effective)
}

var codecs = []struct {
	name  string
	codec kgo.CompressionCodec
}{
	{"none", kgo.NoCompression()}, {"gzip", kgo.GzipCompression()}, {"snappy", kgo.SnappyCompression()},
	{"lz4", kgo.Lz4Compression()}, {"zstd", kgo.ZstdCompression()},
}

func compression(preferred []kgo.CompressionCodec) kgo.ProducerOpt {
	return kgo.ProducerBatchCompression(preferred...)
}

// parseCodecs reads codecs in order of preference, each with a level where one is wanted: zstd:3,none.
func parseCodecs(value string) ([]kgo.CompressionCodec, error) {
	var preferred []kgo.CompressionCodec
words:
	for _, word := range strings.Split(value, ",") {
		name, level, levelled := strings.Cut(word, ":")
		for _, each := range codecs {
			if each.name != name {
				continue
			}
			codec := each.codec
			if levelled {
				number, err := strconv.Atoi(level)
				if err != nil {
					return nil, fmt.Errorf("a level is a number")
				}
				codec = codec.WithLevel(number)
			}
			preferred = append(preferred, codec)
			continue words
		}
		return nil, fmt.Errorf("there is no codec %q", name)
	}
	return preferred, nil
}

func showCodecs(effective any) string {
	var words []string
	for _, codec := range effective.([]kgo.CompressionCodec) {
		word := fmt.Sprint(codec)
		for _, each := range codecs {
			level := reflect.ValueOf(codec).FieldByName("level").Int()
			switch codec {
			case each.codec:
				word = each.name
			case each.codec.WithLevel(int(level)):
				word = fmt.Sprintf("%s:%d", each.name, level)
			}
		}
		words = append(words, word)
	}
	return strings.Join(words, ",")
}
