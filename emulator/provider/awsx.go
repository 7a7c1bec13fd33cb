package provider

import (
	"context"
	"fmt"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/provider"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

const (
	vpcToken    = "awsx:ec2:Vpc"
	awsxVersion = "2.22.0"
)

// awsxProvider implements the provider of the package awsx, which has only components: it registers their children with the
// engine that asks for the component.
type awsxProvider struct {
	pulumirpc.UnimplementedResourceProviderServer

	mu     sync.Mutex
	engine *provider.HostClient
}

func (*awsxProvider) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: awsxVersion}, nil
}

// Attach connects to the engine that uses this provider from now on.
func (x *awsxProvider) Attach(_ context.Context, req *pulumirpc.PluginAttach) (*emptypb.Empty, error) {
	engine, err := provider.NewHostClient(req.GetAddress())
	if err != nil {
		return nil, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.engine != nil {
		_ = x.engine.Close() // the engine of an earlier operation, which is over
	}
	x.engine = engine
	return &emptypb.Empty{}, nil
}

func (*awsxProvider) CheckConfig(_ context.Context, req *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	return &pulumirpc.CheckResponse{Inputs: req.GetNews()}, nil
}

func (*awsxProvider) DiffConfig(context.Context, *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	return &pulumirpc.DiffResponse{Changes: pulumirpc.DiffResponse_DIFF_NONE}, nil
}

func (*awsxProvider) Configure(context.Context, *pulumirpc.ConfigureRequest) (*pulumirpc.ConfigureResponse, error) {
	return &pulumirpc.ConfigureResponse{AcceptSecrets: true, AcceptResources: true, AcceptOutputs: true, SupportsPreview: true}, nil
}

func (*awsxProvider) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

// Construct registers a component and its children with the attached engine.
func (x *awsxProvider) Construct(ctx context.Context, req *pulumirpc.ConstructRequest) (*pulumirpc.ConstructResponse, error) {
	x.mu.Lock()
	engine := x.engine
	x.mu.Unlock()
	if engine == nil {
		return nil, status.Error(codes.FailedPrecondition, "no engine is attached")
	}
	return provider.Construct(ctx, req, engine.EngineConn(), construct)
}

func construct(
	ctx *pulumi.Context, typ, name string, inputs provider.ConstructInputs, options pulumi.ResourceOption,
) (*provider.ConstructResult, error) {
	if typ != vpcToken {
		return nil, status.Errorf(codes.Unimplemented, "the emulator refuses %s: of awsx it knows %s", typ, vpcToken)
	}
	args, err := vpcArguments(inputs)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", vpcToken, name, err)
	}
	vpc, err := newVPC(ctx, name, args, options)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", vpcToken, name, err)
	}
	return provider.NewConstructResult(vpc)
}
