%% The lab's peer of H.248: a media gateway controller or a media gateway, made of Erlang/OTP's megaco application.
%%
%%   erl -noshell -pa DIR -run h248_peer main ROLE ADDRESS CONTROL TRANSPORT:PORT:ENCODING[:VERSION] ... [AGENT AGENTPORT]
%%
%% ROLE is `mgc` (listens by each transport, `udp` or `tcp`) or `mg` (goes to AGENT by the one it is given). ENCODING is
%% `pretty`, `compact` or `binary`, VERSION that which a gateway speaks, 1 to 3 (1 where none is said); a controller speaks
%% to each as that does. Both are told what to do at 127.0.0.1:CONTROL, by words with their length in four
%% octets in front, and answer in the same way:
%%
%%   connect               (mg) go to the agent, anew where it was connected before
%%   request N ACTIONS     send a transaction to the N-th peer; its reply, as pretty text, or `failed WHY`
%%   peers                 whom it knows, one a line: a controller lists gateways in the order in which they registered
%%   requests              all requests that came, each as pretty text
%%   media PORT            (mg) terminations that it chooses have media at PORT, PORT + 2, ...
%%   remote TERMINATION    (mg) the description that it was last told for that termination
%%   statistics TERM LIST  (mg) what it says of it when it is subtracted: rtp/ps=10,nt/os=1720
%%
%% Records of the three versions differ in what is added at their ends: so those that do are taken apart by place.
%%
%% A gateway numbers its contexts and terminations from 1. It sends no media: who tests it does.
-module(h248_peer).
-behaviour(megaco_user).
-export([main/1, convert/1]).
-export([handle_connect/2, handle_disconnect/3, handle_syntax_error/3, handle_message_error/3, handle_trans_request/3,
         handle_trans_long_request/3, handle_trans_reply/4, handle_trans_ack/4, handle_unexpected_trans/3,
         handle_trans_request_abort/4]).
-include_lib("megaco/include/megaco.hrl").
-include_lib("megaco/include/megaco_message_v1.hrl").

-define(AGAIN, #megaco_incr_timer{wait_for = 500, factor = 2, incr = 0, max_retries = 6}).
%% A request is sent again after a TransactionPending, too: the reply may be lost as any datagram.

main([Role, Address, Control | More]) ->
    ets:new(peer, [named_table, public, ordered_set]),
    {Ways, Agent} = lists:partition(fun(Each) -> string:chr(Each, $:) > 0 end, More),
    keep(role, list_to_atom(Role)), keep(address, Address), keep(agent, Agent),
    keep(media, 4000), keep(contexts, 0), keep(terminations, 0), keep(requests, []), keep(gateways, []),
    [{Transport, Port, Encoding, Spoken} | _] = All = [way(Each) || Each <- Ways],
    Version = case Role of "mg" -> Spoken; "mgc" -> 3 end,
    Mid = {ip4Address, #'IP4Address'{address = tuple_to_list(ip(Address)), portNumber = Port}},
    keep(mid, Mid), keep(way, {Transport, Port, Encoding}), keep(version, Version),
    ok = megaco:start(),
    ok = megaco:start_user(Mid, [{user_mod, ?MODULE}, {protocol_version, Version}, {request_timer, ?AGAIN},
                                 {long_request_timer, ?AGAIN}, {long_request_resend, true}]),
    [load(Each) || {_, _, Each, _} <- All],
    Role =:= "mgc" andalso [listen(Each) || Each <- All],
    {ok, Listening} = gen_tcp:listen(list_to_integer(Control),
                                     [binary, {packet, 4}, {active, false}, {reuseaddr, true}, {ip, {127, 0, 0, 1}}]),
    io:format("ready~n"),
    serve(Listening).

way(Text) ->
    [Transport, Port, Encoding | Version] = string:tokens(Text, ":"),
    {list_to_atom(Transport), list_to_integer(Port), list_to_atom(Encoding), list_to_integer(hd(Version ++ ["1"]))}.

ip(Text) -> {ok, Address} = inet:parse_address(Text), Address.

keep(Name, Value) -> ets:insert(peer, {Name, Value}).
kept(Name) -> ets:lookup_element(peer, Name, 2).
kept(Name, Else) -> case ets:lookup(peer, Name) of [{_, Value}] -> Value; [] -> Else end.
next(Name) -> ets:update_counter(peer, Name, 1).

%% Transports.

encoder(pretty) -> megaco_pretty_text_encoder;
encoder(compact) -> megaco_compact_text_encoder;
encoder(binary) -> megaco_binary_encoder.

%% An encoding's modules are loaded by its first message: before anybody waits for the answer to one.
load(Encoding) ->
    Text = opening(kept(version)) ++ "Transaction=1{Context=-{AuditValue=ROOT{Audit{}}}}",
    {ok, Message} = megaco_pretty_text_encoder:decode_message([], list_to_binary(Text)),
    {ok, Data} = (encoder(Encoding)):encode_message([], Message),
    {ok, _} = (encoder(Encoding)):decode_message([], Data).

handle(Transport, Encoding) ->
    Handle = megaco:user_info(kept(mid), receive_handle),
    Handle#megaco_receive_handle{encoding_mod = encoder(Encoding), encoding_config = [], send_mod = Transport,
                                 protocol_version = case kept(role) of mg -> kept(version); mgc -> dynamic end}.

listen({udp, Port, Encoding, _}) ->
    {ok, Transport} = megaco_udp:start_transport(),
    {ok, _, _} = megaco_udp:open(Transport, [{port, Port}, {receive_handle, handle(megaco_udp, Encoding)}, here()]);
listen({tcp, Port, Encoding, _}) ->
    {ok, Transport} = megaco_tcp:start_transport(),
    {udp_options, Options} = here(),
    ok = megaco_tcp:listen(Transport, [{port, Port}, {receive_handle, handle(megaco_tcp, Encoding)},
                                       {tcp_options, [{reuseaddr, true} | Options]}]).

here() -> {udp_options, [{ip, ip(kept(address))}]}.

connect() ->
    [megaco:disconnect(Each, again) || Each <- megaco:user_info(kept(mid), connections)],
    [Agent, To] = kept(agent),
    {Handle, Sender, Controller} = reach(kept(way), ip(Agent), list_to_integer(To)),
    {ok, _} = megaco:connect(Handle, preliminary_mid, Sender, Controller),
    "ok".

reach({udp, Port, Encoding}, Agent, To) ->
    Handle = handle(megaco_udp, Encoding),
    {Socket, Controller} = case kept(socket, none) of
        none ->
            {ok, Transport} = megaco_udp:start_transport(),
            {ok, Opened, By} = megaco_udp:open(Transport, [{port, Port}, {receive_handle, Handle}, here()]),
            keep(socket, {Opened, By}),
            {Opened, By};
        Open -> Open
    end,
    {Handle, megaco_udp:create_send_handle(Socket, Agent, To), Controller};
reach({tcp, _, Encoding}, Agent, To) ->
    Handle = handle(megaco_tcp, Encoding),
    {ok, Transport} = megaco_tcp:start_transport(),
    {udp_options, Options} = here(),
    {ok, Sender, Controller} = megaco_tcp:connect(Transport, [{host, Agent}, {port, To}, {receive_handle, Handle},
                                                              {tcp_options, Options}]),
    {Handle, Sender, Controller}.

%% What it is told.

serve(Listening) ->
    {ok, Socket} = gen_tcp:accept(Listening),
    spawn(fun() -> gen_tcp:controlling_process(Socket, self()), talk(Socket) end),
    serve(Listening).

talk(Socket) ->
    case gen_tcp:recv(Socket, 0) of
        {ok, Words} ->
            Answer = try told(binary_to_list(Words))
                     catch Class:Why:Stack -> io_lib:format("failed ~p ~p ~p", [Class, Why, Stack])
                     end,
            ok = gen_tcp:send(Socket, unicode:characters_to_binary(Answer)),
            talk(Socket);
        {error, closed} -> ok
    end.

told("connect") -> connect();
told("request " ++ Rest) ->
    {Number, " " ++ Actions} = string:take(Rest, "0123456789"),
    request(lists:nth(list_to_integer(Number), peers()), Actions);
told("peers") -> [io_lib:format("~0p~n", [Each#megaco_conn_handle.remote_mid]) || Each <- peers()];
told("requests") -> lists:join("\n", lists:reverse(kept(requests)));
told("media " ++ Port) -> keep(media, list_to_integer(Port)), "ok";
told("remote " ++ Termination) -> kept({remote, Termination}, "");
told("statistics " ++ Rest) ->
    {Termination, [_ | List]} = lists:splitwith(fun(Char) -> Char =/= $\s end, Rest),
    keep({statistics, Termination}, List),
    "ok".

%% A gateway's own agent, or a controller's gateways in the order in which they came.
peers() ->
    case kept(role) of
        mgc -> lists:reverse(kept(gateways));
        mg -> megaco:user_info(kept(mid), connections)
    end.

request(Peer, Text) ->
    Version = megaco:conn_info(Peer, protocol_version),
    {transactionRequest, #'TransactionRequest'{actions = Actions}} = parsed(Version, "Transaction=1{" ++ Text ++ "}"),
    Options = [{request_timer, ?AGAIN}, {long_request_timer, ?AGAIN}],
    case megaco:call(Peer, Actions, Options) of
        {Said, {ok, Replies}} -> printed(Said, {transactionReply, replied(Said, {actionReplies, Replies})});
        {Said, {error, #'ErrorDescriptor'{} = Error}} ->
            printed(Said, {transactionReply, replied(Said, {transactionError, Error})});
        {_, Else} -> io_lib:format("failed ~0p", [Else])
    end.

replied(3, Result) -> {'TransactionReply', 1, asn1_NOVALUE, Result, asn1_NOVALUE, asn1_NOVALUE};
replied(_, Result) -> {'TransactionReply', 1, asn1_NOVALUE, Result}.

opening(Version) -> "MEGACO/" ++ integer_to_list(Version) ++ " [127.0.0.1] ".

parsed(Version, Transaction) ->
    Text = list_to_binary(opening(Version) ++ Transaction),
    {ok, #'MegacoMessage'{mess = #'Message'{messageBody = {transactions, [Parsed]}}}} =
        megaco_pretty_text_encoder:decode_message([], Text),
    Parsed.

printed(Version, Transaction) ->
    Message = #'Message'{version = Version, mId = {deviceName, "x"}, messageBody = {transactions, [Transaction]}},
    {ok, Text} = megaco_pretty_text_encoder:encode_message([], #'MegacoMessage'{mess = Message}),
    binary_to_list(Text).

%% What comes.

handle_trans_request(Peer, Version, Actions) ->
    Version =:= megaco:conn_info(Peer, protocol_version) orelse megaco:update_conn_info(Peer, protocol_version, Version),
    keep(spoken, Version),
    Asked = {transactionRequest, #'TransactionRequest'{transactionId = 1, actions = Actions}},
    keep(requests, [printed(Version, Asked) | kept(requests)]),
    kept(role) =:= mgc andalso note(Peer, Actions),
    Text = lists:join(",", [answer(Each) || Each <- Actions]),
    {transactionReply, Reply} = parsed(Version, lists:flatten(["Reply=1{", Text, "}"])),
    {actionReplies, Replies} = element(4, Reply),
    {discard_ack, Replies}.

note(Peer, Actions) ->
    Changes = [Each || #'ActionRequest'{commandRequests = Commands} <- Actions,
                       #'CommandRequest'{command = {serviceChangeReq, _} = Each} <- Commands],
    Known = lists:member(Peer, kept(gateways)),
    Changes =/= [] andalso not Known andalso keep(gateways, [Peer | kept(gateways)]).

answer(#'ActionRequest'{contextId = Context, commandRequests = Commands}) ->
    Chosen = case Context of
        ?megaco_choose_context_id -> next(contexts);
        _ -> Context
    end,
    Name = case Chosen of
        ?megaco_null_context_id -> "-";
        ?megaco_all_context_id -> "*";
        Number -> integer_to_list(Number)
    end,
    Replies = [command(Chosen, Each) || #'CommandRequest'{command = Each} <- Commands],
    ["Context=", Name, "{", lists:join(",", Replies), "}"].

command(Context, {addReq, #'AmmRequest'{terminationID = [Id], descriptors = Descriptors}}) ->
    case written(Id) of
        "$" ->
            Number = next(terminations),
            Termination = lists:flatten(io_lib:format("11111111/00000000/~8.2.0B", [Number])),
            keep({media, Termination}, kept(media) + 2 * (Number - 1));
        Termination -> ok
    end,
    keep({member, Context, Termination}, true),
    remote(Termination, Descriptors),
    ["Add=", Termination, local(Termination)];
command(_, {modReq, #'AmmRequest'{terminationID = [Id], descriptors = Descriptors}}) ->
    remote(written(Id), Descriptors),
    ["Modify=", written(Id)];
command(Context, {subtractReq, #'SubtractRequest'{terminationID = [Id]}}) ->
    Leaving = case written(Id) of
        "*" -> [Each || {{member, There, Each}, _} <- ets:tab2list(peer), There =:= Context];
        Termination -> [Termination]
    end,
    case Leaving of
        [] -> "Error=431{\"none\"}";
        _ -> lists:join(",", [subtracted(Context, Each) || Each <- Leaving])
    end;
command(_, {serviceChangeReq, #'ServiceChangeRequest'{terminationID = [Id]}}) -> 
    ["ServiceChange=", written(Id), "{Services{Version=", integer_to_list(kept(spoken)), "}}"];
command(_, {notifyReq, #'NotifyRequest'{terminationID = [Id]}}) -> ["Notify=", written(Id)];
command(_, {auditValueRequest, Request}) -> ["AuditValue=", written(element(2, Request))].

subtracted(Context, Termination) ->
    ets:delete(peer, {member, Context, Termination}),
    case kept({statistics, Termination}, "") of
        "" -> ["Subtract=", Termination];
        List -> ["Subtract=", Termination, "{Statistics{", List, "}}"]
    end.

%% Only terminations that it has chosen itself have media.
local(Termination) ->
    case kept({media, Termination}, none) of
        none -> "";
        Port ->
            io_lib:format("{Media{Stream=1{Local{~nv=0~nc=IN IP4 ~s~nm=audio ~p RTP/AVP 8~n}}}}",
                          [kept(address), Port])
    end.

remote(Termination, Descriptors) ->
    Streams = lists:append([parameters(Each) || {mediaDescriptor, #'MediaDescriptor'{streams = Each}} <- Descriptors]),
    Told = [Groups || Each <- Streams, #'LocalRemoteDescriptor'{propGrps = Groups} <- [element(4, Each)]],
    Lines = [[Name, "=", Value, "\n"] || Groups <- Told, Group <- Groups,
                                         #'PropertyParm'{name = Name, value = [Value]} <- Group],
    Lines =/= [] andalso keep({remote, Termination}, lists:flatten(Lines)).

parameters({oneStream, Parameters}) -> [Parameters];
parameters({multiStream, Streams}) -> [Each || #'StreamDescriptor'{streamParms = Each} <- Streams];
parameters(asn1_NOVALUE) -> [].

written(#megaco_term_id{id = Levels}) -> lists:flatten(lists:join("/", Levels)).

handle_connect(_, _) -> ok.
handle_disconnect(Peer, _, Why) -> io:format("disconnected ~0p ~0p~n", [Peer, Why]), ok.
handle_syntax_error(_, _, Error) -> io:format("FAULT syntax ~0p~n", [Error]), {reply, Error}.
handle_message_error(_, _, Error) -> io:format("FAULT message ~0p~n", [Error]), no_reply.
handle_trans_long_request(_, _, _) -> {discard_ack, #'ErrorDescriptor'{errorCode = 501, errorText = "none is long"}}.
handle_trans_reply(_, _, _, _) -> ok.
handle_trans_ack(_, _, _, _) -> ok.
handle_unexpected_trans(Peer, _, What) -> io:format("unexpected ~0p ~0p~n", [Peer, What]), ok.
handle_trans_request_abort(_, _, _, _) -> ok.

%% Files of messages in pretty text, written beside them in another encoding: FILE.ENCODING.
convert([Encoding | Files]) ->
    Module = encoder(list_to_atom(Encoding)),
    [begin
         {ok, Text} = file:read_file(Each),
         {ok, Message} = megaco_pretty_text_encoder:decode_message([], Text),
         {ok, Data} = Module:encode_message([], Message),
         ok = file:write_file(Each ++ "." ++ Encoding, Data)
     end || Each <- Files],
    halt(0).
