%% What Erlang's megaco application takes to read messages of H.248 and to write them, for benchmarks/gateway_codecs.py:
%% erl -noshell -run megaco_codec run ENCODING FILE ROUNDS, where FILE holds each message after its length in four octets
%% and its version in one. It prints the microseconds of CPU a message for decoding and for encoding, and of how many of
%% the messages it could do both.
-module(megaco_codec).
-export([run/1]).

run([Encoding, File, Rounds]) ->
    Module = codec(Encoding),
    {ok, Data} = file:read_file(File),
    Known = [{{Version, Bin}, {Version, Term}} || {Version, Bin} <- split(Data),
                                                  {ok, Term} <- [tried(Module, decode_message, {Version, Bin})],
                                                  {ok, _} <- [tried(Module, encode_message, {Version, Term})]],
    {Bins, Terms} = lists:unzip(Known),
    Times = list_to_integer(Rounds),
    Read = cost(Module, decode_message, Bins, Times),
    Write = cost(Module, encode_message, Terms, Times),
    io:format("~.3f ~.3f ~b~n", [Read, Write, length(Known)]),
    halt(0).

codec("long") -> megaco_pretty_text_encoder;
codec("short") -> megaco_compact_text_encoder;
codec("binary") -> megaco_ber_encoder.

split(<<Size:32, Version, Bin:Size/binary, More/binary>>) -> [{Version, Bin} | split(More)];
split(<<>>) -> [].

tried(Module, Function, {Version, Value}) ->
    try
        Module:Function([], Version, Value)
    catch
        _:_ -> error
    end.

cost(Module, Function, All, Times) ->
    Does = fun({Version, Value}) -> {ok, _} = Module:Function([], Version, Value) end,
    lists:foreach(Does, All),
    statistics(runtime),
    [lists:foreach(Does, All) || _ <- lists:seq(1, Times)],
    {_, Spent} = statistics(runtime),
    Spent * 1000 / (Times * max(1, length(All))).
