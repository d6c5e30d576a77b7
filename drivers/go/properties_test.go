package main

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// effective makes a client, which connects to nothing before it is used, and tells what is in effect.
func effective(t *testing.T, given ...pair) map[string]string {
	t.Helper()
	arm := &armOrder{Bootstrap: "127.0.0.1:1", Properties: append(given, pair{"DisableClientMetrics", "true"})}
	client, err := newClient(arm, producerOrder{ClientID: "tested"})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	told := map[string]string{}
	for _, each := range configuration(client) {
		told[each[0]] = each[1]
	}
	return told
}

func TestPropertiesAreReadBackFromTheClient(t *testing.T) {
	given := []pair{
		{"RequiredAcks", "leader"}, {"DisableIdempotentWrite", "true"}, {"MaxProduceRequestsInflightPerBroker", "7"},
		{"ProducerLinger", "5ms"}, {"ProducerBatchMaxBytes", "65536"}, {"ProducerBatchCompression", "zstd:3,lz4,none"},
		{"MaxBufferedRecords", "1234"}, {"MaxBufferedBytes", "1000000"}, {"RecordPartitioner", "sticky-key"},
		{"RecordDeliveryTimeout", "2m0s"}, {"RecordRetries", "3"}, {"ProduceRequestTimeout", "1.5s"}, {"RequestRetries", "4"},
		{"RetryTimeout", "20s"}, {"RequestTimeoutOverhead", "1s"}, {"ConnIdleTimeout", "1m0s"}, {"DialTimeout", "2s"},
	}
	told := effective(t, given...)
	for _, each := range given {
		if told[each[0]] != each[1] {
			t.Errorf("%s = %s is in effect as %s", each[0], each[1], told[each[0]])
		}
	}
	if told["ClientID"] != "tested" || told["AllowAutoTopicCreation"] != "false" {
		t.Error(told)
	}
	if got := effective(t, pair{"ProducerLinger", "20"})["ProducerLinger"]; got != "20ms" {
		t.Errorf("a bare number is in effect as %s", got)
	}
}

func TestWhatIsRefusedIsNamed(t *testing.T) {
	for _, each := range []struct{ name, value, words string }{
		{"ProducerLinger", "soon", "property ProducerLinger = soon: "},
		{"linger.ms", "5", "property linger.ms = 5: there is no such option"},
		{"RequiredAcks", "leader", "idempotency requires acks=all"},
		{"SASL.password.of.mine", "secret", "SASL.password.of.mine = [masked]"},
		{"TLS.ca", "/nowhere", "property TLS.ca: "},
	} {
		arm := &armOrder{Bootstrap: "127.0.0.1:1", Properties: []pair{{each.name, each.value}}}
		_, err := newClient(arm, producerOrder{})
		own, ok := err.(*fault)
		if !ok || own.code != exitUsage || !strings.Contains(own.text, each.words) {
			t.Errorf("%s = %s: %v", each.name, each.value, err)
		}
	}
}

func TestTheDefaultPartitionerIsTheClients(t *testing.T) {
	client, err := kgo.NewClient(kgo.SeedBrokers("127.0.0.1:1"), kgo.DisableClientMetrics())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	theirs, ours := reflect.ValueOf(client.OptValue(kgo.RecordPartitioner)).Elem(), reflect.ValueOf(partitioners[0].make()).Elem()
	for i := range theirs.NumField() {
		if kind := theirs.Field(i).Kind(); kind == reflect.Func {
			continue
		}
		if got, want := fmt.Sprint(ours.Field(i)), fmt.Sprint(theirs.Field(i)); got != want {
			t.Errorf("%s is %s, not %s", theirs.Type().Field(i).Name, got, want)
		}
	}
}

// A partitioner that can be primed can do just what it could before.
func TestPrimablePartitionersAreAskedTheSame(t *testing.T) {
	for _, each := range partitioners {
		inner, outer := each.make().ForTopic("t"), (&primable{each.make()}).ForTopic("t")
		_, hears := inner.(kgo.TopicPartitionerOnNewBatch)
		_, weighs := inner.(kgo.TopicBackupPartitioner)
		_, alsoHears := outer.(kgo.TopicPartitionerOnNewBatch)
		_, alsoWeighs := outer.(kgo.TopicBackupPartitioner)
		if hears != alsoHears || weighs != alsoWeighs {
			t.Errorf("%s: %T became %T", each.name, inner, outer)
		}
		record := &kgo.Record{Partition: 4, Context: priming{t.Context()}}
		if !outer.RequiresConsistency(record) || outer.Partition(record, 6) != 4 {
			t.Errorf("%s moves a priming record", each.name)
		}
	}
}
