import pytest

from realtime.address import AddressError, parsed_address


@pytest.mark.parametrize(
    "text", ["tcp://127.0.0.1:5870", "tcp://localhost:0", "tcp://[::1]:5870", "tcp://127.8.9.1:*", "ipc:///tmp/di2pose"]
)
def test_addresses_of_this_host_are_local(text: str):
    assert parsed_address(text).is_local


@pytest.mark.parametrize(
    "text", ["tcp://0.0.0.0:5870", "tcp://*:5870", "tcp://192.168.1.4:5870", "tcp://eth0:5870", "tcp://[::]:5870"]
)
def test_all_other_addresses_count_as_remote(text: str):
    assert not parsed_address(text).is_local


@pytest.mark.parametrize(
    "text",
    [
        *("", "5870", "127.0.0.1:5870", "tcp://127.0.0.1", "tcp://127.0.0.1:port", "tcp://:5870", "udp://1.2.3.4:5"),
        *(
            "tcp://127.0.0.1:65536",
            "tcp://a b:1",
            "tcp://127.0.0.1:5870/x",
            "ipc://",
            "ipc://" + "x" * 200,
            "inproc://a",
        ),
    ],
)
def test_malformed_addresses_are_quoted(text: str):
    with pytest.raises(AddressError) as caught:
        parsed_address(text)
    assert repr(text) in str(caught.value)
